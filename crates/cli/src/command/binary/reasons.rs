//! Why providers did not come up with a program.

use hostledger::Binary;
use hostledger::model::{ProviderReason, ReasonKind};

use crate::error;

/// Says on stderr what failed and every provider's reason, and what to do about it.
pub(super) fn report(what: &str, binary: &Binary) {
    error::report_text(what);
    for reason in &binary.reasons {
        error::progress(&format!("  {}", line(reason)));
    }
    let wrote = |reason: &&ProviderReason| reason.outcome == ReasonKind::Failed;
    let logged = binary.reasons.iter().rev().filter(wrote);
    if let Some((provider, id)) = logged
        .filter_map(|reason| Some((&reason.provider, reason.process_id?)))
        .next()
    {
        error::hint(&format!("hostledger logs {id} shows what {provider} wrote"));
    }
    let skipped: Vec<_> = binary
        .reasons
        .iter()
        .filter(|reason| reason.outcome == ReasonKind::Skipped && !reason.provider.is_empty())
        .map(|reason| reason.provider.as_str())
        .collect();
    if !skipped.is_empty() && skipped.len() == binary.reasons.len() {
        let skipped = skipped.join(", ");
        error::hint(&format!(
            "make {skipped} usable, or allow others with --providers"
        ));
    }
}

/// A provider and its reason.
pub(super) fn line(reason: &ProviderReason) -> String {
    let text = reason.reason.replace('\n', "\n    ");
    match reason.provider.as_str() {
        "" => text,
        provider => format!("{provider} {}: {text}", reason.outcome),
    }
}
