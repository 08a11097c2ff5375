SELECT district, version, body FROM subscription ORDER BY district, owner, code, version
