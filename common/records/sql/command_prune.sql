DELETE FROM command WHERE ctid = ANY (ARRAY(SELECT ctid FROM command WHERE recorded < $1::timestamptz LIMIT 2000))
