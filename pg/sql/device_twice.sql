-- Which of the texts $1 stand there more than once: the first 20.
SELECT i FROM unnest($1::text[]) AS i GROUP BY i HAVING count(*) > 1 ORDER BY i LIMIT 20
