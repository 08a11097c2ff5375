-- What an earlier restore that was killed has left behind.
SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', $1::text)
