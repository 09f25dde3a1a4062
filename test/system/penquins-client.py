"""What users of the Python client do, against the server in KOWALSKI_URL; prints one JSON object."""

import json
import os
import time
from urllib.parse import urlparse

from penquins import Kowalski

address = urlparse(os.environ["KOWALSKI_URL"])
credentials = {"username": os.environ["KOWALSKI_USERNAME"], "password": os.environ["KOWALSKI_PASSWORD"]}
where = {"protocol": address.scheme, "host": address.hostname, "port": address.port, "timeout": 30}

CANDID = 1127561440015015001


def query(kowalski, query_type, kwargs=None, **fields):
    request = {"query_type": query_type, "query": fields}
    if kwargs is not None:
        request["kwargs"] = kwargs
    return kowalski.query(query=request)["default"]


def count(**rest):
    return {"query_type": "count_documents", "query": {"catalog": "ZTF_alerts", "filter": {}, **rest}}


told = {}
with Kowalski(**credentials, **where) as by_password:
    token = by_password.instances["default"]["token"]
    told["ping"] = by_password.ping()

with Kowalski(token=token, **where) as kowalski:
    told["ping with token"] = kowalski.ping()
    told["catalogs"] = kowalski.get_catalogs()
    told["find"] = query(
        kowalski,
        "find",
        catalog="ZTF_alerts",
        filter={"candid": CANDID},
        projection={"_id": 0, "candid": 1, "objectId": 1, "candidate.exptime": 1},
    )
    told["exact"] = told["find"]["data"][0]["candid"] == CANDID
    told["find with kwargs"] = query(
        kowalski,
        "find",
        kwargs={"limit": 2, "skip": 1, "sort": [["candidate.drb", -1]], "max_time_ms": 10000},
        catalog="ZTF_alerts",
        filter={"candidate.drb": {"$gt": 0.9}},
        projection={"_id": 0, "candidate.drb": 1},
    )
    told["find_one"] = query(
        kowalski, "find_one", catalog="ZTF_alerts", filter={"candid": CANDID}, projection={"_id": 1}
    )
    told["find_one of none"] = query(kowalski, "find_one", catalog="ZTF_alerts", filter={"candid": -1})
    told["find with text"] = query(
        kowalski,
        "find",
        catalog="ZTF_alerts",
        filter=str({"candid": {"$in": [CANDID]}, "candidate.nosuch": None}),
        projection=str({"_id": False, "objectId": True}),
    )
    told["aggregate"] = query(
        kowalski,
        "aggregate",
        catalog="ZTF_alerts",
        pipeline=[
            {"$match": {"candid": CANDID}},
            {
                "$lookup": {
                    "from": "ZTF_alerts_aux",
                    "localField": "objectId",
                    "foreignField": "_id",
                    "as": "aux",
                }
            },
            {"$project": {"_id": 1, "history": {"$gt": [{"$size": {"$arrayElemAt": ["$aux.prv_candidates", 0]}}, 10]}}},
        ],
    )
    cone = {
        "object_coordinates": {
            "cone_search_radius": 2,
            "cone_search_unit": "arcsec",
            "radec": {"object1": [71.6577756, -10.2263957]},
        },
        "catalogs": {"ZTF_alerts": {"filter": {}, "projection": {"_id": 0, "candid": 1}}},
    }
    told["cone_search"] = query(kowalski, "cone_search", **cone)
    cone["object_coordinates"]["radec"] = str([(71.6577756, -10.2263957)])
    told["cone_search with text"] = query(kowalski, "cone_search", kwargs={"filter_first": True}, **cone)
    told["near"] = query(
        kowalski,
        "near",
        radec={"object1": ["04:46:37.8661", "-10:13:35.025"]},
        max_distance=5,
        distance_units="arcsec",
        catalogs={"ZTF_alerts": {"filter": {}, "projection": {"_id": 0, "candid": 1}}},
    )
    many = {"radec": [[ra, -10.2263957] for ra in range(360)], "cone_search_radius": 2, "cone_search_unit": "arcsec"}
    several = [{"query_type": "cone_search", "query": cone | {"object_coordinates": many}}, {"query_type": "cone_search", "query": cone}]
    told["cones in a batch"] = [
        len(answer["data"]["ZTF_alerts"])
        for answer in kowalski.query(queries=several, use_batch_query=True)["default"]
    ]
    skymap = {"dateobs": "2023-10-12T01:02:03", "contours": [90], "skymap": {"ra": 71.66, "dec": -10.23, "error": 1}}
    told["put skymap"] = kowalski.api("put", "/api/skymap", skymap)
    event = {"localization_name": "71.66000_-10.23000_1.00000", "dateobs": "2023-10-12T01:02:03"}
    told["get skymap"] = list(kowalski.api("get", "/api/skymap", event)["data"]["contours"])
    told["skymap"] = query(
        kowalski,
        "skymap",
        skymap=event | {"contour": 90},
        catalog="ZTF_alerts",
        filter={},
        projection={"_id": 0, "candid": 1},
    )
    told["delete skymap"] = kowalski.api("delete", "/api/skymap", event)
    told["saved"] = kowalski.query(query=count() | {"kwargs": {"save": True}})["default"]
    for _ in range(100):
        told["saved answer"] = kowalski.api("get", "/api/queries/" + told["saved"]["query_id"])
        if told["saved answer"]["data"]["state"] in ("done", "failed"):
            break
        time.sleep(0.1)
    told["count_documents"] = query(
        kowalski, "count_documents", catalog="ZTF_alerts", filter={"candidate.drb": {"$gt": 0.9}}
    )
    told["estimated_document_count"] = query(kowalski, "estimated_document_count", catalog="ZTF_alerts")
    for command in ("catalog_names", "catalog_info", "index_info", "db_info"):
        fields = {"catalog": "ZTF_alerts"} if command in ("catalog_info", "index_info") else {}
        told[command] = query(kowalski, "info", command=command, **fields)
    told["batch"] = kowalski.query(queries=[count(), count(filter={"candid": CANDID})], use_batch_query=True)
    told["queries one by one"] = kowalski.query(queries=[count(), count(filter={"candid": CANDID})])
    told["api"] = kowalski.api("post", "/api/queries", {"queries": [count(), count(filter={"candid": 1})]})
    told["wrong operator"] = query(kowalski, "find", catalog="ZTF_alerts", filter={"candid": {"$gtt": 1}})
    told["add user"] = kowalski.api("post", "/api/users", {"username": "ada", "password": "ada's own"})
    told["change user"] = kowalski.api("put", "/api/users/ada", {"password": "another"})
    told["alert"] = kowalski.api("get", f"/api/alerts/ztf/{CANDID}")["data"]["candid"] == CANDID

with Kowalski(**{"username": "ada", "password": "another"}, **where) as ada:
    told["user"] = ada.ping()
    told["closed"] = ada.api(
        "post", "/api/queries", {"query_type": "find", "query": {"catalog": "users", "filter": {}}}
    )
    told["remove user, as a user"] = ada.api("delete", "/api/users/admin")

for name, wrong in {
    "wrong password": {"username": credentials["username"], "password": "wrong"},
    "wrong token": {"token": "nonsense"},
}.items():
    try:
        with Kowalski(**wrong, **where) as kowalski:
            told[name] = kowalski.get_catalogs()
    except Exception as error:
        told[name] = str(error)

print(json.dumps(told, default=str))
