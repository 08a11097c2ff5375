-- One migration was applied, at $6 milliseconds since the epoch.
INSERT INTO ztc_migration.applied (schema, series, number, name, checksum, applied_at)
VALUES ($1, $2, $3::integer, $4, $5, timestamptz 'epoch' + $6::bigint * interval '1 millisecond');
