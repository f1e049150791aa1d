//! Asking for binaries, steps in their lives, and rows that turn out to be the same one.

use diesel::QueryResult;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Text};
use hostledger_model::{
    Binary, BinaryChange, BinaryId, BinaryStatus, InstalledFile, OwnerId, ProviderReason, Timestamp,
};

use super::insert;
use super::update::from_row;
use crate::postgres::find;
use crate::postgres::projection::BINARY;
use crate::postgres::session::Session;
use crate::postgres::sql::{Parameter, Sql, sql};
use crate::table::{BinaryRow, binary_reasons, encoding};

/// Writes every field but those that an update leaves alone.
pub(super) fn replace(
    connection: &mut Session,
    binary: &Binary,
    now: Timestamp,
) -> QueryResult<bool> {
    let row = BinaryRow::from(binary);
    let id = binary.id.simple();
    from_row(connection, "machine_binary", &BINARY, &id, &row, now)
}

/// Puts a request into the row of its name, or inserts it: which row it is. A row that somebody
/// is at work on stays as it is: what they come up with answers this request as well.
pub(super) fn request(
    connection: &mut Session,
    request: &Binary,
    now: Timestamp,
) -> QueryResult<BinaryId> {
    // Two who ask for the same at once would each find none and insert it.
    let machine = request.machine_id;
    let lock = Parameter::text(&format!("{machine} {}", request.name));
    sql::<()>(
        "SELECT pg_advisory_xact_lock(hashtextextended(?, 0))",
        vec![lock],
    )
    .execute(connection)?;
    let Some(known) = find::binary_to_update(connection, machine, &request.name)? else {
        insert::row(
            connection,
            "machine_binary",
            &BINARY,
            &BinaryRow::from(request),
        )?;
        return Ok(request.id);
    };
    let known = known
        .record()
        .map_err(|error| Error::DeserializationError(Box::new(error)))?;
    let id = known.id;
    let at_work = known.owner.is_some() && known.retry_at.is_some_and(|until| until > now);
    if !at_work {
        replace(connection, &known.asked_anew(request), now)?;
    }
    Ok(id)
}

/// Makes a change where the row allows it and belongs to `owner`; says whether it did.
pub(super) fn change(
    connection: &mut Session,
    id: BinaryId,
    change: &BinaryChange,
    owner: Option<OwnerId>,
    now: Timestamp,
) -> QueryResult<bool> {
    let time = |at: Timestamp| Parameter::text(&encoding::time(at));
    let status = |status: BinaryStatus| Parameter::text(status.as_str());
    let (set, mut parameters) = match change {
        BinaryChange::Claimed {
            owner: claimer,
            lease_until,
            ..
        } => (
            "owner = ?::uuid, retry_at = ?::timestamptz",
            vec![Parameter::text(&claimer.simple()), time(*lease_until)],
        ),
        BinaryChange::Deferred { retry_at } => (
            "status = ?, retry_at = ?::timestamptz, owner = NULL",
            vec![status(BinaryStatus::Queued), time(*retry_at)],
        ),
        BinaryChange::Trying {
            reasons,
            lease_until,
        } => (
            "status = ?, retry_at = ?::timestamptz, reasons = nullif(?, '')::jsonb",
            vec![
                status(BinaryStatus::Started),
                time(*lease_until),
                reasons_text(reasons),
            ],
        ),
        BinaryChange::Installed(file) => {
            absorb_equals(connection, id, file)?;
            (
                "status = ?, abspath = ?, version = ?, sha256 = ?, binprovider = ?, owner = NULL,
                 retry_at = NULL",
                vec![
                    status(BinaryStatus::Installed),
                    Parameter::text(&file.abspath),
                    Parameter::text(&file.version),
                    Parameter::text(file.sha256.as_deref().unwrap_or_default()),
                    Parameter::text(file.binprovider.as_deref().unwrap_or_default()),
                ],
            )
        }
        BinaryChange::Requeued { reasons, retry_at } => (
            "status = ?, retry_at = ?::timestamptz, reasons = nullif(?, '')::jsonb,
             attempt = attempt + 1, owner = NULL",
            vec![
                status(BinaryStatus::Queued),
                time(*retry_at),
                reasons_text(reasons),
            ],
        ),
        BinaryChange::Failed { reasons } => (
            "status = ?, reasons = nullif(?, '')::jsonb, owner = NULL, retry_at = NULL",
            vec![status(BinaryStatus::Failed), reasons_text(reasons)],
        ),
    };
    parameters.extend([time(now), Parameter::text(&id.simple())]);
    let whose = whose(change, owner, now, &mut parameters);
    let text = format!(
        "UPDATE machine_binary SET {set}, modified_at = ?::timestamptz
         WHERE id = ?::uuid AND status IN ('queued', 'started') AND {whose}"
    );
    let rows = sql::<()>(text, parameters).execute(connection)?;
    Ok(rows > 0)
}

/// Who may make a change: an owner, or who claims what is due or a dead one's.
fn whose(
    change: &BinaryChange,
    owner: Option<OwnerId>,
    now: Timestamp,
    parameters: &mut Vec<Parameter>,
) -> &'static str {
    let mut given = |text: &str| parameters.push(Parameter::text(text));
    match change {
        BinaryChange::Claimed { dead: None, .. } => {
            given(&encoding::time(now));
            "retry_at <= ?::timestamptz"
        }
        BinaryChange::Claimed {
            dead: Some(dead), ..
        } => {
            given(&encoding::time(now));
            given(&dead.simple());
            "(retry_at <= ?::timestamptz OR owner = ?::uuid)"
        }
        _ => match owner {
            Some(owner) => {
                given(&owner.simple());
                "owner = ?::uuid"
            }
            None => "true",
        },
    }
}

/// Reasons as JSON; an empty text when there are none.
fn reasons_text(reasons: &[ProviderReason]) -> Parameter {
    let text = binary_reasons(reasons).map(|reasons| reasons.0);
    crate::postgres::projection::json_text(&text.unwrap_or_default())
}

/// Makes other rows of the same name and file one with this: their uses are its uses. Older
/// writers leave such rows, and two with the same file cannot be.
fn absorb_equals(connection: &mut Session, id: BinaryId, file: &InstalledFile) -> QueryResult<()> {
    let id = Parameter::text(&id.simple());
    let parameters = vec![
        id.clone(),
        Parameter::text(&file.abspath),
        Parameter::text(&file.version),
        Parameter::text(file.sha256.as_deref().unwrap_or_default()),
    ];
    let query: Sql<(Text, BigInt, BigInt)> = sql(
        "SELECT e.id::text, e.num_uses_succeeded, e.num_uses_failed
         FROM machine_binary t JOIN machine_binary e USING (machine_id, name)
         WHERE t.id = ?::uuid AND e.id <> t.id
             AND e.abspath = ? AND e.version = ? AND e.sha256 = ? FOR UPDATE OF e",
        parameters,
    );
    let equals: Vec<(String, i64, i64)> = query.load(connection)?;
    for (equal, succeeded, failed) in equals {
        let equal = Parameter::text(&equal);
        let steps = [
            (
                "UPDATE machine_process SET binary_id = ?::uuid WHERE binary_id = ?::uuid",
                vec![id.clone(), equal.clone()],
            ),
            (
                "UPDATE machine_binary SET num_uses_succeeded = num_uses_succeeded + ?,
                     num_uses_failed = num_uses_failed + ? WHERE id = ?::uuid",
                vec![
                    Parameter::Integer(succeeded),
                    Parameter::Integer(failed),
                    id.clone(),
                ],
            ),
            ("DELETE FROM machine_binary WHERE id = ?::uuid", vec![equal]),
        ];
        for (text, parameters) in steps {
            sql::<()>(text, parameters).execute(connection)?;
        }
    }
    Ok(())
}
