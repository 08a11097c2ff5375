-- Tomorrow's migration, for the test of a rolling upgrade: it adds, so that today's services run on beside it.
ALTER TABLE cursor ADD COLUMN tomorrow bigint NOT NULL DEFAULT 0;
