//! A real Chromium without a screen, driven by chromedriver's WebDriver API. It ends with its owner, also with one that is
//! killed.

use crate::{harness::PATIENCE, programs::ended, tls::HOST};
use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Runs the rest of its words in a namespace of processes, and ends all that they have started when it is told or its
/// input ends, as that of a process that was killed does. Then nobody takes the directory away but this.
const WATCHED: &str = r#"
directory=$1; shift
unshare --pid --fork --kill-child --mount-proc "$@" </dev/null &
read -r _ && left= || left=$directory
kill -KILL $(cat "/proc/$!/task/$!/children")
wait
[ -z "$left" ] || rm -rf "$left"
"#;

/// For how long an element is looked for, and for how long of that chromedriver does so by itself.
const LOOKS: Duration = Duration::from_secs(100);
const LOOKS_ITSELF: Duration = Duration::from_secs(2);
/// What is said of what was given up because a network interface came or went on this machine, as other tests make them do: of a
/// page, or of something that a page asks for.
const NETWORK_CHANGED: &str = "ERR_NETWORK_CHANGED";
/// By this name the standard has the id of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One browser, with one window and no past.
pub(super) struct Chromium {
    directory: TempDir,
    shell: Child,
    lifeline: Option<ChildStdin>,
    /// Where its session is spoken to.
    session: String,
    /// The addresses that pages have asked for and that nobody was told of.
    asked_for: Mutex<Vec<String>>,
}

impl Chromium {
    /// One to which `HOST` is at this address, and no other name is anywhere.
    ///
    /// # Errors
    /// There is no chromium or no chromedriver, or they do not answer in time: ends with what they wrote.
    pub(super) async fn start(address: &str) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("jockey-chromium-")
            .tempdir()?;
        let log = fs::File::create(directory.path().join("log"))?;
        let mut shell = Command::new("sh")
            .args(["-c", WATCHED, "sh"])
            .arg(directory.path())
            .args(["chromedriver", "--port=0"])
            // All that either keeps is there.
            .env("HOME", directory.path())
            .env("TMPDIR", directory.path())
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("sh could not be started")?;
        let lifeline = shell.stdin.take();
        let mut own = Self {
            directory,
            shell,
            lifeline,
            session: String::new(),
            asked_for: Mutex::default(),
        };
        let driver = format!("http://127.0.0.1:{}", own.port().await?);
        let begun = own
            .call("POST", &format!("{driver}/session"), &own.wanted(address))
            .await?;
        let id = begun["sessionId"].as_str().context("a session has an id")?;
        own.session = format!("{driver}/session/{id}");
        // Debian's begins with a page of its own, which it does not find.
        own.open("about:blank").await?;
        own.requested().await?;
        Ok(own)
    }

    fn wanted(&self, address: &str) -> Value {
        let data = self.file("data").display().to_string();
        let nowhere = format!("MAP {HOST}:443 {address}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1");
        let flags = [
            "--headless",
            // Its sandbox takes no root, whom the tests run as.
            "--no-sandbox",
            "--window-size=1280,900",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ];
        let mut flags: Vec<String> = flags.map(str::to_owned).into();
        flags.push(format!("--user-data-dir={data}"));
        flags.push(format!("--host-resolver-rules={nowhere}"));
        json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            // The certificate is of a CA of this test alone; curl looks at it elsewhere.
            "acceptInsecureCerts": true,
            "timeouts": {"implicit": u64::try_from(LOOKS_ITSELF.as_millis()).unwrap_or(u64::MAX)},
            "goog:chromeOptions": {"binary": "/usr/bin/chromium", "args": flags},
            "goog:loggingPrefs": {"performance": "ALL"},
        }}})
    }

    /// The port that chromedriver has chosen.
    async fn port(&mut self) -> anyhow::Result<u16> {
        const BEFORE: &str = "started successfully on port ";
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = self.log();
            let line = log.lines().find_map(|line| line.split_once(BEFORE));
            if let Some((_, port)) = line {
                return Ok(port.trim_end_matches('.').parse()?);
            }
            let gone = ["unshare: ", "not found", "No such file"];
            if Instant::now() > deadline || gone.iter().any(|words| log.contains(words)) {
                bail!(
                    "this test needs chromium and chromedriver, and root: run scripts/provision, then try again:\n{log}"
                );
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Opens an address, and waits until it has loaded, with all that the page asks for itself.
    pub(super) async fn open(&self, address: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + LOOKS;
        loop {
            let opened = self.tell("/url", &json!({ "url": address })).await;
            let is_given_up = match &opened {
                Ok(_) => self.was_given_up().await?,
                Err(error) => error.to_string().contains(NETWORK_CHANGED),
            };
            if !is_given_up || Instant::now() > deadline {
                return opened.map(drop);
            }
        }
    }

    /// The address that it shows.
    pub(super) async fn shows(&self) -> anyhow::Result<String> {
        let told = self.ask("/url").await?;
        Ok(told.as_str().unwrap_or_default().to_owned())
    }

    /// The text of what an XPath names, once it is there.
    pub(super) async fn text(&self, path: &str) -> anyhow::Result<String> {
        let told = self
            .ask(&format!("{}/text", self.find(path).await?))
            .await?;
        Ok(told.as_str().unwrap_or_default().to_owned())
    }

    /// Clicks at what an XPath names, once it is there.
    pub(super) async fn click(&self, path: &str) -> anyhow::Result<()> {
        let click = format!("{}/click", self.find(path).await?);
        self.tell(&click, &json!({})).await.map(drop)
    }

    /// What a script returns that runs in the page.
    pub(super) async fn run(&self, script: &str) -> anyhow::Result<Value> {
        let script = json!({"script": script, "args": []});
        self.tell("/execute/sync", &script).await
    }

    /// Its cookies of the page that it shows.
    pub(super) async fn cookies(&self) -> anyhow::Result<Vec<Value>> {
        let told = self.ask("/cookie").await?;
        Ok(told.as_array().cloned().unwrap_or_default())
    }

    /// The addresses that pages have asked for since this was last asked, whether they were answered or not.
    pub(super) async fn requested(&self) -> anyhow::Result<Vec<String>> {
        self.was_given_up().await?;
        let mut asked_for = self.asked_for.lock().expect("nobody panics with it");
        Ok(std::mem::take(&mut *asked_for))
    }

    /// Whether the network has changed under something that a page asks for, since this was last asked. Notes what was asked
    /// for.
    async fn was_given_up(&self) -> anyhow::Result<bool> {
        let told = self
            .tell("/se/log", &json!({"type": "performance"}))
            .await?;
        let (mut addresses, mut is_given_up) = (Vec::new(), false);
        for entry in told.as_array().context("a list of what happened")? {
            let event = entry["message"].as_str().unwrap_or_default();
            let event: Value = serde_json::from_str(event)?;
            let event = &event["message"];
            if event["method"] == "Network.requestWillBeSent" {
                let address = event["params"]["request"]["url"].as_str();
                addresses.push(address.context("a request has an address")?.to_owned());
            }
            if event["method"] == "Network.loadingFailed" {
                let why = event["params"]["errorText"].as_str();
                is_given_up |= why.unwrap_or_default().contains(NETWORK_CHANGED);
            }
        }
        let mut asked_for = self.asked_for.lock().expect("nobody panics with it");
        asked_for.extend(addresses);
        Ok(is_given_up)
    }

    async fn find(&self, path: &str) -> anyhow::Result<String> {
        let by = json!({"using": "xpath", "value": path});
        let deadline = Instant::now() + LOOKS;
        let found = loop {
            let error = match self.tell("/element", &by).await {
                Ok(found) => break found,
                Err(error) => error,
            };
            let shown = self.run("return document.body.innerText").await;
            let shown = format!("{shown:?}");
            if Instant::now() > deadline {
                return Err(error.context(format!("the page shows {shown}")));
            }
            if shown.contains(NETWORK_CHANGED) || self.was_given_up().await? {
                self.tell("/refresh", &json!({})).await?;
            }
        };
        let id = found[ELEMENT].as_str().context("an element has an id")?;
        Ok(format!("/element/{id}"))
    }

    async fn ask(&self, path: &str) -> anyhow::Result<Value> {
        let address = format!("{}{path}", self.session);
        self.call("GET", &address, &Value::Null).await
    }

    async fn tell(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let address = format!("{}{path}", self.session);
        self.call("POST", &address, body).await
    }

    async fn call(&self, method: &str, address: &str, body: &Value) -> anyhow::Result<Value> {
        let mut curl = tokio::process::Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--max-time",
            "170",
            "--request",
            method,
        ]);
        if !body.is_null() {
            curl.args(["--header", "content-type: application/json"]);
            curl.args(["--data-binary", &body.to_string()]);
        }
        let told = ended(curl.arg(address)).await?;
        let answer: Value = serde_json::from_str(&told.out)
            .with_context(|| format!("{method} {address}: {told:?}\n{}", self.log()))?;
        let error = &answer["value"]["error"];
        ensure!(error.is_null(), "{method} {address} {body}: {answer}");
        Ok(answer["value"].clone())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.file("log")).unwrap_or_default()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Ends the shell's `read`; it has been waited for by nobody else.
        let told = self.lifeline.take().map(|mut it| it.write_all(b"\n"));
        let _ended = (told, self.shell.wait());
    }
}
