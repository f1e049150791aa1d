//! Storage of hostledger's records: diesel, SQLite, migrations, the batching writer.
