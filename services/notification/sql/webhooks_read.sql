SELECT district, version, body FROM webhook ORDER BY district, organisation, code
