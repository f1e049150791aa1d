//! Status texts as literals of the SQL.
//!
//! A partial index (`WHERE status = 'queued'`) is used only where the statement says the same;
//! compared with a bound parameter, SQLite would prepare the statement anew at every run.

use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::sql_types::Text;
use hostledger_model::ProcessStatus;

pub(super) fn status(status: ProcessStatus) -> SqlLiteral<Text> {
    sql(match status {
        ProcessStatus::Queued => "'queued'",
        ProcessStatus::Running => "'running'",
        ProcessStatus::Exited => "'exited'",
    })
}
