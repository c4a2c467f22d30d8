"""The steps from an empty database to `store.schema`, forward and back; run at start by `store.database`."""
