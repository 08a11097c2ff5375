SELECT epoch, holder, beat FROM lease WHERE part = $1::bigint
