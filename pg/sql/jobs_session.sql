-- The settings of the second connection, where short jobs take turns.
--
-- Each statement names the rows it wants, at most some thousands of a table that may hold a million: a plan that
-- reads all of it would be right for its size and wrong for a worker that runs it several times per second. So plans
-- are made anew each time (a table that is empty at start may be large an hour later, and planning takes a
-- millisecond) and go by the indexes.
SET plan_cache_mode = 'force_custom_plan';
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET random_page_cost = 1.1;
