//! Rows of `machine_binary`: finding and changing them.

mod read;
mod request;
mod update;

pub(super) use read::{
    all_valid, by_id, by_name, mark, page, pending, valid_by_name, valid_by_path,
};
pub(super) use request::request;
pub(super) use update::{change, replace};
