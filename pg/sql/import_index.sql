CREATE UNIQUE INDEX ON telematics_import (n);
ANALYZE telematics_import
