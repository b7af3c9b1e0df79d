//! A service as a process of its own, found by what it logs.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// A running service; it is killed when it is dropped.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) service: SocketAddr,
    pub(crate) management: SocketAddr,
}

impl Process {
    /// Runs a service on free ports, and waits until it says where it listens.
    pub(crate) fn start(program: impl AsRef<OsStr>, directory: &Path) -> Self {
        let mut child = Command::new(program)
            .current_dir(directory)
            .env("CHASSIS__SERVER__LISTEN", "127.0.0.1:0")
            .env("CHASSIS__MANAGEMENT__LISTEN", "127.0.0.1:0")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the service can be run");
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let (tell, told) = mpsc::channel();
        // It reads on to the end: a service must not block on its log.
        thread::spawn(move || {
            stderr
                .lines()
                .map_while(Result::ok)
                .for_each(|line| _ = tell.send(line));
        });
        let (mut service, mut management, mut all) = (None, None, Vec::new());
        while service.is_none() {
            let line = told.recv_timeout(Duration::from_secs(60));
            let line = line.unwrap_or_else(|_| panic!("no address in the log: {all:#?}"));
            let address = line
                .rsplit_once("http://")
                .and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
            match address {
                Some(address) if line.contains("management on") => management = Some(address),
                Some(address) if line.contains("service on") => service = Some(address),
                _ => {}
            }
            all.push(line);
        }
        let service = service.expect("it was found");
        Self {
            child,
            service,
            management: management.expect("it is told first"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
