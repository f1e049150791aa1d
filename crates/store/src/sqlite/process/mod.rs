//! Rows of `machine_process`: finding and changing them.

mod claim;
mod hierarchy;
mod mend;
mod read;
mod update;

pub(super) use claim::{claim, owned, owners};
pub(super) use hierarchy::{ancestors, descendants};
pub(super) use mend::mend_exit_codes;
pub(super) use read::{
    Columns, by_id, by_ids, by_pid, children, claimed, count, ended_page, list, list_ids,
    needs_secrets, page,
};
pub(super) use update::{change, ran};
