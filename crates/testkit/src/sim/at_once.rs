//! A call that is answered in no time of the simulated world.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

/// How long an answer may take in true time. The slowest takes milliseconds; a machine that is busy is patient.
const PATIENCE: Duration = Duration::from_secs(120);

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The answer of a call that threads of its own may work on, as a database does. Meanwhile nothing else of the world goes
/// on and its clock stands still: a paused clock of tokio's runs away as soon as everybody waits for a thread that it does
/// not know.
///
/// # Panics
/// When no answer comes within two minutes of true time: it waits for something of the world that stands still.
pub fn at_once<T>(call: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    // The budget of the task that asks is not for this: it comes back only when the task does.
    let mut call = pin!(tokio::task::coop::unconstrained(call));
    let began = Instant::now();
    loop {
        if let Poll::Ready(answer) = call.as_mut().poll(&mut Context::from_waker(&waker)) {
            return answer;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "no answer, though nothing but its own threads works on it"
        );
        thread::park_timeout(Duration::from_secs(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_clock_stands_still_while_a_thread_works() {
        let before = tokio::time::Instant::now();
        tokio::spawn(tokio::time::sleep(Duration::from_secs(3600)));
        let (tell, told) = tokio::sync::oneshot::channel();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            tell.send(7)
        });
        assert_eq!(at_once(told), Ok(7));
        assert_eq!(before.elapsed(), Duration::ZERO);
    }
}
