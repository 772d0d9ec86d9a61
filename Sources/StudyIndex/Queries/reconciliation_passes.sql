SELECT coalesce(max(passes), 0) FROM reconciliation
