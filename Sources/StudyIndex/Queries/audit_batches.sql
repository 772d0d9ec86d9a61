-- Batches of a chain in their order, with their records. $1 chain, $2 the last batch before, $3 how many
SELECT s.batch, s.records, s.hash, ARRAY(SELECT a.record FROM audit a WHERE a.chain = s.chain AND a.batch = s.batch
                                        ORDER BY a.position)
FROM audit_seal s WHERE s.chain = $1 AND s.batch > $2 ORDER BY s.batch LIMIT $3
