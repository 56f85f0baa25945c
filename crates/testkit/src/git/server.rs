use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::OwnedFd,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use tempfile::TempDir;

use crate::process::program;

/// Who may read from a [`Server`].
#[derive(Debug, Clone, Copy)]
pub enum Access<'a> {
    /// Everybody.
    Anyone,
    /// Who gives this password with the user name `x-access-token`, as GitHub wants it. Others are told 401.
    Token(&'a str),
}

/// Git over HTTP on a loopback port, as a code host speaks it: git's own backend, behind busybox's web server, one
/// process per connection. Gone on drop.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    closing: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
    _directory: TempDir,
}

impl Server {
    pub(super) fn start(repositories: &Path, access: Access<'_>) -> io::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("jockey-git-http-")
            .tempdir()?;
        let backend = directory.path().join("cgi-bin/git");
        fs::create_dir(directory.path().join("cgi-bin"))?;
        program(&backend, &backend_script(repositories))?;
        let rules = match access {
            Access::Anyone => String::new(),
            Access::Token(token) => format!("/cgi-bin:x-access-token:{token}\n"),
        };
        fs::write(directory.path().join("httpd.conf"), rules)?;

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let closing = Arc::new(AtomicBool::new(false));
        let acceptor = thread::spawn({
            let (closing, directory) = (Arc::clone(&closing), directory.path().to_owned());
            move || accept(&listener, &closing, &directory)
        });
        Ok(Self {
            address,
            closing,
            acceptor: Some(acceptor),
            _directory: directory,
        })
    }

    /// What `owner/name` is appended to, after a slash.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/cgi-bin/git", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then sees that it is to end.
        let _woken = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ended = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, closing: &AtomicBool, directory: &Path) {
    let mut served: Vec<Child> = Vec::new();
    for connection in listener.incoming().map_while(Result::ok) {
        if closing.load(Ordering::SeqCst) {
            break;
        }
        served.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        // A connection that cannot be served is closed, which its client sees.
        served.extend(serve(connection, directory));
    }
    for mut child in served {
        let _ended = child.kill();
        let _reaped = child.wait();
    }
}

fn serve(connection: TcpStream, directory: &Path) -> io::Result<Child> {
    let answers = connection.try_clone()?;
    Command::new("busybox")
        .args(["httpd", "-i", "-h"])
        .arg(directory)
        .arg("-c")
        .arg(directory.join("httpd.conf"))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::from(OwnedFd::from(connection)))
        .stdout(Stdio::from(OwnedFd::from(answers)))
        .stderr(Stdio::null())
        .spawn()
}

fn backend_script(repositories: &Path) -> String {
    format!(
        "#!/bin/sh\n\
         export GIT_PROJECT_ROOT='{}' GIT_HTTP_EXPORT_ALL=1\n\
         exec git http-backend\n",
        repositories.display()
    )
}
