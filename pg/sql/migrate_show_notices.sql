-- The upkeep says in notices what it made and dropped.
SET client_min_messages = 'notice'
