-- The registered keys as intake has them; a key's fact is named key/PUBLIC.
SELECT substr(key, 5) AS public_key, body FROM intake.directory_fact WHERE type = 'key_registered'
