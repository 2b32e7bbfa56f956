"""Calls the service at STATS_URL with the client that openapi-client.sh generates."""

import datetime
import os
from uuid import uuid4

from client import AuthenticatedClient, Client
from client.api.client import client_get, client_patch
from client.api.processed import get_processor_list, processing_list
from client.api.public import clients, threats
from client.api.service import about, health
from client.api.stats import create_stats, delete_stats, get_stats, list_stats
from client.models import (
    ClientChange,
    Failure,
    ListStatsType,
    NewStat,
    ProcessingListProcessor,
    ProcessingListType,
    StatsType,
)

url = os.environ["STATS_URL"]


def with_token(token):
    return AuthenticatedClient(base_url=url, token=token, prefix="", auth_header_name="X-API-KEY")


def check(condition, message):
    if not condition:
        raise SystemExit(f"openapi-client.py: {message}")


user = with_token(os.environ["STATS_TOKEN"])
visitor = Client(base_url=url)

check(health.sync(client=visitor).status == "ok", "the service is not healthy")
check(about.sync(client=visitor).api_v1_root == "/api/v1/", "/about.json has another path of the API")
me = client_get.sync(client=user)
changed = client_patch.sync(client=user, body=ClientChange(is_sharing_enabled=not me.is_sharing_enabled))
check(changed.is_sharing_enabled != me.is_sharing_enabled, "the sharing of the client did not change")

analysis, threat = uuid4(), str(uuid4())
today = datetime.date.today()
stat = NewStat(
    anr=analysis,
    type_=StatsType.THREAT,
    date=today,
    data=[{"uuid": threat, "label2": "Error in use", "count": 12, "maxRisk": 36, "averageRate": "2.82"}],
)
stored = create_stats.sync(client=user, body=[stat])
check(stored.metadata.count == "1", f"the stat is not stored: {stored}")
for listed in (
    list_stats.sync(client=user, type_=ListStatsType.THREAT, anrs=[str(analysis)], date_from=today, get_last=True).data,
    get_stats.sync(analysis, client=user),
):
    found = [(item.uuid, item.type_, item.date, item.data) for item in listed]
    check(found == [(stored.data[0].uuid, stat.type_, today, stat.data)], f"the stat is not listed: {found}")

names = {processor.name for processor in get_processor_list.sync(client=visitor)}
check(names == {processor.value for processor in ProcessingListProcessor}, f"the processors are {names}")
result = processing_list.sync(
    client=user,
    type_=ProcessingListType.THREAT,
    processor=ProcessingListProcessor.THREAT_AVERAGE_ON_DATE,
    anrs=[str(analysis)],
    local_stats_only=True,
)
check(result.data[0]["averages"] == {"count": 12.0, "maxRisk": 36.0, "averageRate": 2.82}, f"the result is {result}")
check(threat in threats.sync(client=visitor, days=7).to_dict(), "the threat is not in the public statistics")
check(clients.sync(client=visitor) == [], "the map has a client without coordinates")

failure = client_get.sync(client=with_token("unknown"))
check(isinstance(failure, Failure) and failure.error, f"an unknown token gets {failure}")
check(delete_stats.sync_detailed(analysis, client=user).status_code == 204, "the stats are not deleted")
print("The generated client works.")
