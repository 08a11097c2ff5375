SELECT district, key, version, type, body FROM directory_fact ORDER BY district, key
