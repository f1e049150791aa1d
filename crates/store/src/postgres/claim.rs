//! Taking processes on.

use diesel::QueryResult;
use diesel::sql_types::{BigInt, Nullable, Text};
use hostledger_model::{ProcessChange, Timestamp};

use super::find::select;
use super::projection::PROCESS;
use super::session::Session;
use super::sql::{Parameter, Sql, sql};
use crate::claim::{BinariesMark, Claim, Claimed, Claims};
use crate::table::row::Read;
use crate::table::{ProcessRow, encoding};

/// Takes on what is due and what nobody else is about to take on; inside a transaction.
pub(super) fn claim(connection: &mut Session, claim: &Claim) -> QueryResult<Claims> {
    let mut claims = Claims::default();
    let mut leases = Vec::new();
    for row in due(connection, claim)? {
        let id = row.key().id;
        match row.record() {
            Ok(mut process) => {
                let lease_until = claim.lease.end(process.timeout_ms, claim.now);
                let due_at = process.retry_at.unwrap_or(claim.now);
                let owner = claim.owner;
                ProcessChange::Claimed { owner, lease_until }.apply(&mut process, claim.now);
                claims.claimed.push(Claimed { process, due_at });
                leases.push((id, Some(owner.simple()), lease_until));
            }
            Err(row) => {
                claims.corrupt.push(row);
                leases.push((id, None, claim.lease.end(None, claim.now)));
            }
        }
    }
    if !leases.is_empty() {
        take_on(connection, claim.now, &leases)?;
    }
    let (next_due, binaries) = outlook(connection, claim)?;
    claims.next_due = next_due;
    claims.binaries = binaries;
    Ok(claims)
}

fn due(connection: &mut Session, claim: &Claim) -> QueryResult<Vec<Read<ProcessRow>>> {
    let rest = "WHERE r.status = 'queued' AND r.machine_id = ?::uuid
                    AND r.retry_at <= ?::timestamptz
                ORDER BY r.retry_at, r.created_at, r.id LIMIT ? FOR UPDATE SKIP LOCKED";
    let parameters = vec![
        Parameter::text(&claim.machine.simple()),
        Parameter::text(&encoding::time(claim.now)),
        Parameter::Integer(claim.limit.into()),
    ];
    select(&PROCESS, "machine_process", rest, parameters).load(connection)
}

/// Gives each a new `retry_at`, and its owner if it has one now.
fn take_on(
    connection: &mut Session,
    now: Timestamp,
    leases: &[(String, Option<String>, Timestamp)],
) -> QueryResult<()> {
    let parameters = vec![
        Parameter::text(&encoding::time(now)),
        Parameter::texts(leases.iter().map(|(id, ..)| Some(id))),
        Parameter::texts(leases.iter().map(|(_, owner, _)| owner.as_ref())),
        Parameter::texts(
            leases
                .iter()
                .map(|(.., until)| Some(encoding::time(*until))),
        ),
    ];
    let text = "UPDATE machine_process r SET owner = coalesce(u.owner, r.owner),
                    retry_at = u.until, modified_at = ?::timestamptz
                FROM unnest(?::uuid[], ?::uuid[], ?::timestamptz[]) AS u (id, owner, until)
                WHERE r.id = u.id";
    sql::<()>(text, parameters).execute(connection).map(|_| ())
}

/// When the next one is due of those that the claimer does not have, or not any more as the lease
/// is over, and what tells of changed binaries: one statement, as each is a way to the server and
/// back.
fn outlook(
    connection: &mut Session,
    claim: &Claim,
) -> QueryResult<(Option<Timestamp>, BinariesMark)> {
    let query: Sql<(Nullable<Text>, BigInt, Nullable<Text>)> = sql(
        "SELECT (SELECT to_char(r.retry_at, 'YYYY-MM-DD HH24:MI:SS.US') FROM machine_process r
                 WHERE r.status = 'queued' AND r.machine_id = ?::uuid AND r.retry_at IS NOT NULL
                     AND (r.owner IS DISTINCT FROM ?::uuid OR r.retry_at <= ?::timestamptz)
                 ORDER BY r.retry_at, r.created_at, r.id LIMIT 1),
                count(*), sum(hashtextextended(b.id::text || b.modified_at::text, 0))::text
         FROM machine_binary b
         WHERE b.machine_id = ?::uuid AND b.status IN ('installed', 'succeeded')",
        vec![
            Parameter::text(&claim.machine.simple()),
            Parameter::text(&claim.owner.simple()),
            Parameter::text(&encoding::time(claim.now)),
            Parameter::text(&claim.machine.simple()),
        ],
    );
    let (next, count, sum): (Option<String>, i64, Option<String>) = query.get_result(connection)?;
    let next_due = next.map(|at| encoding::read_time(&at).unwrap_or(claim.now));
    Ok((next_due, BinariesMark::of(count, sum)))
}
