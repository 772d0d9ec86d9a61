-- The day whose parts are being ended: one at a time, so that the last of them knows that it is. $1 day slice
SELECT 1 FROM slice WHERE id = $1 FOR NO KEY UPDATE
