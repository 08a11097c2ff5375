SELECT schema, series, number, name, checksum FROM ztc_migration.applied ORDER BY schema, series, number
