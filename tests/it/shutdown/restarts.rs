//! Restarts under load.

use super::Victim;
use crate::client::{Raw, soon};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};
use tokio::sync::RwLock;

/// What the clients have seen.
#[derive(Default)]
struct Seen {
    answers: AtomicUsize,
    goodbyes: AtomicUsize,
    wrong: Mutex<Vec<String>>,
}

/// A client that keeps its connection until it is told that it will be closed, and then makes a new one.
async fn client(
    target: Arc<RwLock<SocketAddr>>,
    seen: Arc<Seen>,
    done: Arc<AtomicBool>,
    mut number: usize,
) {
    while !done.load(SeqCst) {
        let mut connection = {
            // Who has the lock to change the target knows that nobody is on his way to the old one.
            let target = target.read().await;
            Raw::connect(*target).await
        };
        while !done.load(SeqCst) {
            number += 1;
            let (path, length) = if number.is_multiple_of(3) {
                ("/long", 64 << 10)
            } else {
                ("/short", 5)
            };
            connection
                .send(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n"))
                .await;
            match connection.try_answer().await {
                Ok(answer) if answer.status == 200 && answer.body.len() == length => {
                    seen.answers.fetch_add(1, SeqCst);
                    if answer.header("connection") == Some("close") {
                        seen.goodbyes.fetch_add(1, SeqCst);
                        break;
                    }
                }
                Ok(answer) => {
                    let wrong = format!("{path}: {} {} bytes", answer.status, answer.body.len());
                    return seen.wrong.lock().unwrap().push(wrong);
                }
                Err(error) => return seen.wrong.lock().unwrap().push(format!("{path}: {error}")),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_restarts_under_load_lose_nothing() {
    const CLIENTS: usize = 8;
    let mut victim = Victim::start(&[]).await;
    let target = Arc::new(RwLock::new(victim.address));
    let (seen, done) = (Arc::new(Seen::default()), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|i| {
            tokio::spawn(client(
                Arc::clone(&target),
                Arc::clone(&seen),
                Arc::clone(&done),
                i,
            ))
        })
        .collect();
    for round in 1..=20 {
        let before = seen.answers.load(SeqCst);
        let load = async {
            while seen.answers.load(SeqCst) < before + 20 * CLIENTS
                && seen.wrong.lock().unwrap().is_empty()
            {
                tokio::task::yield_now().await;
            }
        };
        soon("the load", load).await;
        let next = Victim::start(&[]).await;
        *target.write().await = next.address;
        let old = std::mem::replace(&mut victim, next);
        old.terminate().await;
        let (status, _) = old.end().await;
        assert!(
            seen.wrong.lock().unwrap().is_empty(),
            "round {round}: {:?}",
            seen.wrong.lock().unwrap()
        );
        assert_eq!(status.code(), Some(0), "round {round}");
        assert_eq!(
            seen.goodbyes.load(SeqCst),
            round * CLIENTS,
            "each client was told in time"
        );
    }
    done.store(true, SeqCst);
    for client in clients {
        client.await.expect("the client had no trouble");
    }
    victim.terminate().await;
    assert_eq!(victim.end().await.0.code(), Some(0));
    assert!(seen.wrong.lock().unwrap().is_empty());
}
