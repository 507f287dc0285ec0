# Tests. Each subfolder adds its own: unit (check), e2e (real gateway and PostgreSQL), lint, fuzz.
include t/unit/proto.mk
include t/unit/common.mk
include t/unit/master.mk
include t/unit/worker.mk
include t/unit/core.mk
include t/unit/tool.mk
include t/unit/sim.mk
include t/e2e/e2e.mk
include t/fuzz/fuzz.mk
