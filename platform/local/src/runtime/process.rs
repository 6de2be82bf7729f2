//! A child process whose end can be awaited, and which ends with its owner.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::sync::watch;

use crate::engine::lock;

/// A running process. Dropped, it is killed.
pub(super) struct ChildProcess {
    id: u32,
    child: Arc<Mutex<Child>>,
    ended: watch::Receiver<Option<ExitStatus>>,
}

impl ChildProcess {
    /// Runs the command. A thread waits for its end, which costs it nothing but a small stack.
    ///
    /// Not tokio's own children: those need a signal handler of the whole program.
    pub fn spawn(command: &mut Command) -> io::Result<(Self, Option<std::process::ChildStdout>, Option<std::process::ChildStderr>)> {
        let mut child = command.spawn()?;
        let (stdout, stderr, id) = (child.stdout.take(), child.stderr.take(), child.id());
        let pid = Pid::from_child(&child);
        let child = Arc::new(Mutex::new(child));
        let (tell, ended) = watch::channel(None);
        let waited = child.clone();
        let waiting = std::thread::Builder::new().name("annals-wait".to_owned()).stack_size(64 * 1024).spawn(move || {
            // Seen first and reaped under the lock: between the two the number is nobody else's, so that a kill hits this process.
            while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {}
            tell.send_replace(lock(&waited).wait().ok());
        });
        let process = Self { id, child, ended };
        waiting.map(|_| (process, stdout, stderr))
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        // Asked of the machine: the thread may not have come to telling yet.
        matches!(lock(&self.child).try_wait(), Ok(None))
    }

    /// Waits for its end; `None` where the machine does not say how it was.
    pub async fn ended(&mut self) -> Option<ExitStatus> {
        self.ended.wait_for(Option::is_some).await.map_or(None, |status| *status)
    }

    /// Ends it at once (SIGKILL), if it has not ended.
    pub fn kill(&self) {
        // Refused only where it has ended.
        let _ = lock(&self.child).kill();
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        self.kill();
    }
}
