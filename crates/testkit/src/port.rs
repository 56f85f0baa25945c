//! Ports on which nobody listens.

use std::{io, net::Ipv4Addr};
use tokio::net::TcpSocket;

/// Holds a port of loopback, where 0 stands for a free one: who connects is refused, and nobody else is given it for as long as
/// this is there. Who held it may listen on it.
///
/// # Errors
/// The port is somebody else's.
pub fn hold(port: u16) -> io::Result<TcpSocket> {
    let held = TcpSocket::new_v4()?;
    // As listeners have it, so that the connections of one that was here do not matter.
    held.set_reuseaddr(true)?;
    held.bind((Ipv4Addr::LOCALHOST, port).into())?;
    Ok(held)
}
