//! What every transport of events has to do: the contract of `EventTransport`, rule by rule.

use crate::{
    call::BoxFuture,
    error::{Error, Result, code},
    event::{
        EventDeliveries, EventDelivery, EventSubscription, EventTransport, Settled, WireEvent,
    },
};
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// How long something may take that has to happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Two ends of one medium, as two services have them.
pub type TransportEnds = (Arc<dyn EventTransport>, Arc<dyn EventTransport>);

type Rule = for<'e> fn(&'e TransportEnds) -> BoxFuture<'e, Result<()>>;

/// The contract: what has to be true, and how it is seen.
const RULES: &[(&str, Rule)] = &[
    ("an event comes as it was published", |ends| {
        Box::pin(unchanged(ends))
    }),
    ("the events of one publisher come in order", |ends| {
        Box::pin(in_order(ends))
    }),
    (
        "a group gets what its patterns want, and nothing else",
        |ends| Box::pin(wanted(ends)),
    ),
    ("each group gets each event", |ends| {
        Box::pin(each_group(ends))
    }),
    ("of the members of a group one gets each event", |ends| {
        Box::pin(one_member(ends))
    }),
    ("what is settled as `Again` comes again", |ends| {
        Box::pin(again(ends, |delivery| delivery.settle(Settled::Again)))
    }),
    ("what is dropped comes again", |ends| {
        Box::pin(again(ends, drop))
    }),
    ("what is settled as `Done` does not come again", |ends| {
        Box::pin(done(ends))
    }),
    ("what a member held comes to another", |ends| {
        Box::pin(inherited(ends))
    }),
    ("waiting can be given up, and nothing is lost", |ends| {
        Box::pin(given_up(ends))
    }),
    ("what was published before the end arrives", |ends| {
        Box::pin(flushed(ends))
    }),
    (
        "an end that is closed is closed, and the other goes on",
        |ends| Box::pin(closed(ends)),
    ),
];

/// Checks a transport against the contract of [`EventTransport`]: for those who write one. `make` gives two ends of a medium
/// that nobody else uses, anew for each rule.
///
/// A transport that has to do with sockets or other processes is checked in real time: in paused time whatever takes a moment
/// takes too long.
///
/// ```
/// # use chassis::testing::{TestChassis, transport_conformance};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> chassis::Result<()> {
/// let service = TestChassis::builder().start().await?;
/// let handle = service.handle();
/// transport_conformance(async || {
///     let end = || handle.event_transport().unwrap();
///     (end(), end())
/// })
/// .await
/// # }
/// ```
///
/// # Errors
///
/// One for each rule that is broken, all together.
pub async fn transport_conformance(make: impl AsyncFn() -> TransportEnds) -> Result<()> {
    let mut broken = Vec::new();
    for (rule, check) in RULES {
        let ends = make().await;
        // Each wait has a limit of its own; this one is for whatever does not even come to it.
        let checked = tokio::time::timeout(PATIENCE * 20, check(&ends)).await;
        let checked = checked.unwrap_or_else(|_| Err(Error::msg("it did not end")));
        if let Err(error) = checked {
            broken.push(Error::msg(format!("{rule}: {}", error.line())));
        }
        for end in [ends.0, ends.1] {
            // What is wrong with that is told by its rule.
            _ = tokio::time::timeout(PATIENCE, end.close()).await;
        }
    }
    Error::all(broken).map_or(Ok(()), Err)
}

/// The event of this number, under a topic: the same each time it is made.
fn event(topic: &str, number: u64) -> WireEvent {
    let id = format!("event-{number}");
    WireEvent {
        time: 1_234_567_890_123,
        ..WireEvent::new(id, topic, "conformance", json!(number))
    }
}

async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> Result<T> {
    let done = tokio::time::timeout(PATIENCE, work).await;
    done.map_err(|_| Error::msg(format!("{what} took longer than 10 s")))
}

async fn publish(end: &Arc<dyn EventTransport>, event: &WireEvent) -> Result<()> {
    in_time("publishing", end.publish(event)).await?
}

async fn subscribe(
    end: &Arc<dyn EventTransport>,
    group: &str,
    pattern: &str,
) -> Result<Box<dyn EventDeliveries>> {
    let subscription = EventSubscription::new(group, [pattern]);
    in_time("subscribing", end.subscribe(&subscription)).await?
}

async fn next(deliveries: &mut Box<dyn EventDeliveries>) -> Result<EventDelivery> {
    let next = in_time("an event that has to come", deliveries.next()).await?;
    next.ok_or_else(|| Error::msg("the stream has ended"))
}

/// The next event has to be that one, and is done with.
async fn expect(deliveries: &mut Box<dyn EventDeliveries>, expected: &WireEvent) -> Result<()> {
    let delivery = next(deliveries).await?;
    let same = same(delivery.event(), expected);
    delivery.settle(Settled::Done);
    same
}

fn same(come: &WireEvent, expected: &WireEvent) -> Result<()> {
    if come == expected {
        return Ok(());
    }
    let show = |event: &WireEvent| serde_json::to_string(event).unwrap_or_default();
    let (come, expected) = (show(come), show(expected));
    Err(Error::msg(format!(
        "`{come}` came in place of `{expected}`"
    )))
}

fn ensure(is_so: bool, otherwise: &str) -> Result<()> {
    is_so
        .then_some(())
        .ok_or_else(|| Error::msg(otherwise.to_owned()))
}

async fn unchanged((one, other): &TransportEnds) -> Result<()> {
    let (mut here, mut there) = (
        subscribe(one, "here", "order.placed").await?,
        subscribe(other, "there", "order.placed").await?,
    );
    let mut full = event("order.placed", 1);
    full.request_id = Some("a-request".to_owned());
    full.correlation_id = "a.correlation_1".to_owned();
    full.traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    full.tracestate = Some("vendor=1,other=2".to_owned());
    full.event = Arc::new(json!({
        "text": "line\r\nbreak, \u{1f980}, \"quoted\", \\, \u{0}",
        "numbers": [0, -1, u64::MAX, i64::MIN, 1.5e-7],
        "nothing": null,
        "large": "x".repeat(100_000),
    }));
    let least = event("order.placed", 2);
    for event in [&full, &least] {
        publish(one, event).await?;
        expect(&mut here, event).await?;
        expect(&mut there, event).await?;
    }
    Ok(())
}

async fn in_order((one, other): &TransportEnds) -> Result<()> {
    let mut there = subscribe(other, "there", "order.**").await?;
    for number in 0..100 {
        // The order is that of all that one publishes, whatever the topic.
        let topic = ["order.placed", "order.paid.late"][usize::from(number % 3 == 0)];
        publish(one, &event(topic, number)).await?;
    }
    for number in 0..100 {
        let delivery = next(&mut there).await?;
        let come = Value::clone(&delivery.event().event);
        ensure(
            come == json!(number),
            &format!("event {come} came in place of {number}"),
        )?;
        delivery.settle(Settled::Done);
    }
    Ok(())
}

async fn wanted((one, other): &TransportEnds) -> Result<()> {
    let topics = [
        "order",
        "order.placed",
        "order.placed.late",
        "orders.placed",
        "user.placed",
        "end",
    ];
    for (number, (pattern, wants)) in (0_u32..).zip([
        ("order.placed", &["order.placed"][..]),
        ("order.*", &["order.placed"]),
        ("order.**", &["order.placed", "order.placed.late"]),
        (
            "*.placed",
            &["order.placed", "orders.placed", "user.placed"],
        ),
        ("**", &topics[..5]),
    ]) {
        let group: String = format!("group-{number}");
        let subscription = EventSubscription::new(group, [pattern, "end"]);
        let mut there = in_time("subscribing", other.subscribe(&subscription)).await??;
        let events = (0..)
            .zip(topics)
            .map(|(number, topic)| event(topic, number));
        let events: Vec<WireEvent> = events.collect();
        for event in &events {
            publish(one, event).await?;
        }
        let wanted = events.iter().filter(|event| {
            let topic = &*event.topic;
            wants.contains(&topic) || topic == "end"
        });
        for event in wanted {
            let come = expect(&mut there, event).await;
            come.map_err(|error| Error::msg(format!("of `{pattern}`: {}", error.line())))?;
        }
    }
    Ok(())
}

async fn each_group((one, other): &TransportEnds) -> Result<()> {
    let mut groups = [
        subscribe(one, "first", "a").await?,
        subscribe(other, "second", "a").await?,
        subscribe(other, "third", "a").await?,
    ];
    for number in 0..10 {
        publish(one, &event("a", number)).await?;
    }
    for group in &mut groups {
        for number in 0..10 {
            let event = next(group).await?;
            ensure(*event.event().event == json!(number), "another event came")?;
            event.settle(Settled::Done);
        }
    }
    Ok(())
}

async fn one_member((one, other): &TransportEnds) -> Result<()> {
    let mut here = subscribe(one, "group", "a").await?;
    let mut there = subscribe(other, "group", "a").await?;
    for number in 0..20 {
        publish(one, &event("a", number)).await?;
    }
    let mut come = BTreeSet::new();
    while come.len() < 20 {
        let either = async {
            tokio::select! {
                delivery = here.next() => delivery,
                delivery = there.next() => delivery,
            }
        };
        let delivery = in_time("an event that has to come", either).await?;
        let delivery = delivery.ok_or_else(|| Error::msg("a stream has ended"))?;
        let id = delivery.event().id.clone();
        delivery.settle(Settled::Done);
        ensure(come.insert(id), "both members got the same event")?;
    }
    // One that was handed out to nobody yet would be there at once, or behind a further one.
    publish(one, &event("a", 20)).await?;
    let last = async {
        tokio::select! {
            delivery = here.next() => delivery,
            delivery = there.next() => delivery,
        }
    };
    let last = in_time("an event that has to come", last).await?;
    let last = last.ok_or_else(|| Error::msg("a stream has ended"))?;
    ensure(
        last.event().id == "event-20",
        "an event came twice, though it was settled",
    )?;
    last.settle(Settled::Done);
    let more = [here.next().now_or_never(), there.next().now_or_never()];
    ensure(
        more.iter().flatten().flatten().next().is_none(),
        "both members got the same event",
    )
}

async fn again((one, other): &TransportEnds, leave: fn(EventDelivery)) -> Result<()> {
    let mut there = subscribe(other, "there", "a").await?;
    let event = event("a", 1);
    publish(one, &event).await?;
    for _ in 0..3 {
        let delivery = next(&mut there).await?;
        same(delivery.event(), &event)?;
        leave(delivery);
    }
    expect(&mut there, &event).await
}

async fn done((one, other): &TransportEnds) -> Result<()> {
    // Another member is there all the time: a group of nobody may be forgotten.
    let mut stays = subscribe(one, "group", "a").await?;
    publish(one, &event("a", 1)).await?;
    expect(&mut stays, &event("a", 1)).await?;
    let newcomer = subscribe(other, "group", "a").await?;
    drop(newcomer);
    publish(other, &event("a", 2)).await?;
    expect(&mut stays, &event("a", 2)).await
}

async fn inherited((one, other): &TransportEnds) -> Result<()> {
    let mut leaves = subscribe(one, "group", "a").await?;
    publish(one, &event("a", 1)).await?;
    let held = next(&mut leaves).await?;
    let mut stays = subscribe(other, "group", "a").await?;
    drop(leaves);
    drop(held);
    expect(&mut stays, &event("a", 1)).await?;
    publish(one, &event("a", 2)).await?;
    expect(&mut stays, &event("a", 2)).await
}

async fn given_up((one, other): &TransportEnds) -> Result<()> {
    let mut there = subscribe(other, "there", "a").await?;
    for number in 0..20 {
        ensure(
            there.next().now_or_never().is_none(),
            "an event came before it was published",
        )?;
        publish(one, &event("a", number)).await?;
        // It may be half way here.
        let come = there.next().now_or_never();
        match come {
            Some(Some(delivery)) => {
                same(delivery.event(), &event("a", number))?;
                delivery.settle(Settled::Done);
            }
            Some(None) => return Err(Error::msg("the stream has ended")),
            None => expect(&mut there, &event("a", number)).await?,
        }
    }
    Ok(())
}

async fn flushed((one, other): &TransportEnds) -> Result<()> {
    let mut there = subscribe(other, "there", "a").await?;
    for number in 0..50 {
        publish(one, &event("a", number)).await?;
    }
    in_time("closing", one.close()).await??;
    for number in 0..50 {
        expect(&mut there, &event("a", number)).await?;
    }
    Ok(())
}

async fn closed((one, other): &TransportEnds) -> Result<()> {
    let mut here = subscribe(one, "here", "a").await?;
    let mut there = subscribe(other, "there", "a").await?;
    for _ in 0..2 {
        in_time("closing", one.close()).await??;
    }
    let ended = in_time("the end of a stream", here.next()).await?;
    ensure(ended.is_none(), "a stream of the end goes on")?;
    let is_closed = |error: Option<Error>| error.is_some_and(|error| error.code() == code::CLOSED);
    let published = publish(one, &event("a", 1)).await;
    ensure(
        is_closed(published.err()),
        "to publish is no error with the code `closed`",
    )?;
    let subscribed = subscribe(one, "late", "a").await;
    ensure(
        is_closed(subscribed.err()),
        "to subscribe is no error with the code `closed`",
    )?;
    publish(other, &event("a", 2)).await?;
    expect(&mut there, &event("a", 2)).await
}
