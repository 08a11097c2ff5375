-- The rules of one owner and of its district, for people.
SELECT version, body FROM subscription WHERE district = $1::text AND owner IN ('', $2::text) ORDER BY owner, code, version
