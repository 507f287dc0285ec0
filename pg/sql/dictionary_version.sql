-- Which rows of the dictionary the database has: the hash of the text that put them there.
SELECT value FROM telematics_settings WHERE name = 'dictionary'
