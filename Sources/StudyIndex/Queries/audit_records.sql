-- $1 chain, batch and position of the last one before; $4 from and $5 until, in microseconds since 1970; $6 how many
SELECT chain, batch, position, record FROM audit
WHERE recorded >= 'epoch'::timestamptz + $4 * interval '1 microsecond'
  AND recorded < 'epoch'::timestamptz + $5 * interval '1 microsecond'
  AND (chain, batch, position) > ($1, $2, $3::int8) AND batch > 0
ORDER BY chain, batch, position LIMIT $6
