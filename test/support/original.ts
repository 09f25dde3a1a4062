/** A database as the Python system of the same name fills it, made of one of ours. */
import { type Document, MongoClient, ObjectId } from "mongodb";

/**
 * Copies alerts and objects of ZTF: each alert under an ObjectId with its stamps in it, each object one document of a
 * plain collection.
 */
export async function copyAsOriginal(from: string, to: string): Promise<void> {
  await using source = new MongoClient(from, { promoteLongs: false });
  await using target = new MongoClient(to);
  const stamps = new Map<string, Document>();
  for await (const { _id, candid, ...fields } of source.db().collection("ZTF_alerts_cutouts").find()) {
    stamps.set(String(candid ?? _id), fields);
  }
  const alerts: Document[] = [];
  for await (const { _id, ...alert } of source.db().collection("ZTF_alerts").find()) {
    alerts.push({ _id: new ObjectId(), ...alert, ...stamps.get(String(alert["candid"])) });
  }
  const objects = await source.db().collection("ZTF_alerts_aux").find().toArray();
  await target.db().collection("ZTF_alerts").insertMany(alerts);
  await target.db().collection("ZTF_alerts_aux").insertMany(objects);
  await target.db().collection("ZTF_alerts").createIndex({ candid: -1 }, { unique: true });
  const position = { "coordinates.radec_geojson": "2dsphere", candid: -1 } as const;
  await target.db().collection("ZTF_alerts").createIndex(position);
}
