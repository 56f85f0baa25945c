//! The audit log.

use super::time;
use crate::status::Refusal;
use controller::usecases::audit::{EntryView, Filter};
use domain::audit::{Finding, Verdict};
use proto::v1;

pub(crate) fn wire(view: &EntryView) -> v1::AuditEntry {
    let entry = &view.entry;
    v1::AuditEntry {
        id: entry.id.to_string(),
        time: Some(time::wire(entry.at)),
        actor: entry.actor.clone(),
        proof: entry.proof.to_string(),
        credential: entry.credential.clone(),
        action: entry.action.clone(),
        kind: entry.kind.clone(),
        object: entry.object.clone(),
        app: view.app.clone(),
        environment: view.environment.clone(),
        call: entry.request.clone(),
        message: entry.message.clone(),
        before: entry.before.clone().unwrap_or_default(),
        after: entry.after.clone().unwrap_or_default(),
        number: entry.seal.map_or(0, |seal| number(seal.number)),
        hash: entry.seal.map(|seal| hex(&seal.hash)).unwrap_or_default(),
    }
}

pub(crate) fn verdict(verdict: &Verdict) -> v1::VerifyAuditResponse {
    v1::VerifyAuditResponse {
        sound: verdict.is_sound(),
        entries: number(verdict.rows),
        pruned: number(verdict.pruned),
        unsealed: number(verdict.unsealed),
        head_number: verdict.head.map_or(0, |seal| number(seal.number)),
        head_hash: verdict.head.map(|seal| hex(&seal.hash)).unwrap_or_default(),
        findings: verdict.findings.iter().map(finding).collect(),
    }
}

fn finding(finding: &Finding) -> v1::AuditFinding {
    let (first, last) = finding.numbers().unwrap_or_default();
    v1::AuditFinding {
        kind: finding.as_str().to_owned(),
        first_number: number(first),
        last_number: number(last),
        entry: finding.row().map(|id| id.to_string()).unwrap_or_default(),
        message: finding.to_string(),
    }
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn listed(asked: v1::ListAuditEntriesRequest) -> Result<Filter, Refusal> {
    Ok(Filter {
        actor: asked.actor,
        object: asked.object,
        kind: asked.kind,
        app: asked.app,
        environment: asked.environment,
        since: time::parse("start_time", asked.start_time)?,
        until: time::parse("end_time", asked.end_time)?,
    })
}

pub(crate) fn exported(asked: v1::ExportAuditRequest) -> Result<Filter, Refusal> {
    Ok(Filter {
        actor: asked.actor,
        object: asked.object,
        kind: asked.kind,
        app: asked.app,
        environment: asked.environment,
        since: time::parse("start_time", asked.start_time)?,
        until: time::parse("end_time", asked.end_time)?,
    })
}
