DELETE FROM contact_part
WHERE ctid = ANY (ARRAY(SELECT ctid FROM contact_part WHERE ended < $1::timestamptz LIMIT 2000))
