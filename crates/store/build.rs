//! `embed_migrations!` reads the SQL at compile time but cannot tell cargo about new files.
fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
