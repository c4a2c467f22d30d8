"""The glucose question as HealthChain's documentation answers one: every prefetched resource a typed object.

Run in an environment of its own by peers.py: python healthchain_service.py PORT
"""

import sys

import uvicorn
from healthchain.fhir import convert_prefetch_to_fhir_objects
from healthchain.gateway import CDSHooksService, HealthChainAPI
from healthchain.models import Card, CDSRequest, CDSResponse

cds = CDSHooksService()


@cds.hook("patient-view", id="glucose-review")
def review(request: CDSRequest) -> CDSResponse:
    """Time in range of the CGM, and nothing else."""
    sent = {key: value for key, value in (request.prefetch or {}).items() if value is not None}
    readings = convert_prefetch_to_fhir_objects(sent)["cgm"].entry
    values = [entry.resource.valueQuantity.value for entry in readings]
    share = 100 * sum(70 <= value <= 180 for value in values) / len(values)
    card = Card(summary=f"{share:.0f} % 70-180 mg/dL", indicator="info", source={"label": "peer"})
    return CDSResponse(cards=[card])


app = HealthChainAPI()
app.register_service(cds, path="/cds")

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
