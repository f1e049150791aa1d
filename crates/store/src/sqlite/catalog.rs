//! What SQLite says of a database itself, as tables.

diesel::table! {
    #[sql_name = "sqlite_schema"]
    schema_object (name) {
        #[sql_name = "type"]
        kind -> Text,
        name -> Text,
    }
}

diesel::table! {
    // A function of SQLite's that reads like a table; `arg` is its argument.
    #[sql_name = "pragma_table_info"]
    table_column (name) {
        name -> Text,
        #[sql_name = "arg"]
        table_name -> Text,
    }
}
