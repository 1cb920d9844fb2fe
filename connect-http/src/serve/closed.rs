//! A listening socket that takes nobody new, so that the queue of those it has taken can be emptied.

use tokio::net::TcpListener;

/// From now on packets that would open a connection are dropped, as if the network had lost them; the
/// sender tries again and finds the port closed, or the next process. Without it a connection that is
/// accepted by the kernel between the last `accept` and the close of the socket is reset.
///
/// Only Linux can do this; elsewhere, or where it is not allowed, that small window stays open.
#[cfg(target_os = "linux")]
pub(super) fn refuse_further(listener: &TcpListener) {
    // One instruction of classic BPF: return (`BPF_RET | BPF_K`) zero bytes of each packet.
    let nothing = socket2::SockFilter::new(0x06, 0, 0, 0);
    if let Err(error) = socket2::SockRef::from(listener).attach_filter(&[nothing]) {
        tracing::debug!(%error, "the last connections may be reset");
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn refuse_further(_: &TcpListener) {}
