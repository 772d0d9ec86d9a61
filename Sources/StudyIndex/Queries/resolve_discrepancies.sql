-- What this reconciliation, begun with this transaction, did not find any more.
UPDATE discrepancy SET state = 'resolved' WHERE state <> 'resolved' AND last_seen < transaction_timestamp()
