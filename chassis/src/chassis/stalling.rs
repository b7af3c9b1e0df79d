//! Looks at the threads, and tells who blocks one: from the supervisor, which nobody blocks.

use crate::{
    call::{Eye, LOOK, Sight, Stall, Ward},
    reload::Reloader,
};
use serde_json::json;
use std::sync::{Arc, Weak};

/// Looks again and again, as long as there is a service.
pub(crate) async fn look(reloader: Weak<Reloader>) {
    let Some(stalls) = (reloader.upgrade()).map(|service| Arc::clone(&service.metrics.stalls))
    else {
        return;
    };
    let mut eye = Eye::new(&stalls);
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(service) = reloader.upgrade() else {
            return;
        };
        for sight in eye.look() {
            tell(&service, &sight);
        }
        for ward in eye.stalled() {
            // Also that of one which has come to run since.
            follow(&service, ward);
        }
    }
}

fn tell(service: &Reloader, sight: &Sight) {
    match sight {
        Sight::Begun(ward, stall) => {
            let Stall { point, thread, .. } = stall;
            tracing::warn!(
                plugin = %ward.plugin, %point, %thread,
                "blocks its thread for half a second by now, and all else that the thread should do: \
                 work that does not await belongs into `cx.background().blocking(..)` or `tokio::task::spawn_blocking`"
            );
            follow(service, ward);
            service.bus.tell_now(
                "plugin.stalled",
                || json!({ "plugin": ward.plugin, "point": point, "thread": thread }),
            );
        }
        Sight::Ended(ward, stall, took) => {
            let Stall { point, thread, .. } = stall;
            let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            tracing::info!(plugin = %ward.plugin, %point, %thread, millis, "does not block its thread any more");
            follow(service, ward);
            service.bus.tell_now("plugin.resumed", || {
                json!({ "plugin": ward.plugin, "point": point, "thread": thread, "stalled_ms": millis })
            });
        }
    }
}

/// Its state says so, too.
fn follow(service: &Reloader, ward: &Arc<Ward>) {
    let mut records = service.records().into_iter();
    if let Some(record) = records.find(|record| Arc::ptr_eq(&record.ward, ward)) {
        record.follow_checks();
    }
}
