/** The Avro schema of ZTF's alert packets, version 4.02, as the simulator writes it. */

export const SCHEMA_VERSION = "4.02";

/** `name type`; a type with `?` may be null and is null by default, one with `!` may be null without a default. */
type FieldLine = string;

/** What detections, upper limits and forced photometry say of their exposure's calibration. */
const CALIBRATION: readonly FieldLine[] = [
  "magzpsci float?",
  "magzpsciunc float?",
  "magzpscirms float?",
  "clrcoeff float?",
  "clrcounc float?",
];

/** Exposure and image, with which a detection and an upper limit begin. */
const EXPOSURE: readonly FieldLine[] = [
  "jd double",
  "fid int",
  "pid long",
  "diffmaglim float?",
  "pdiffimfilename string?",
  "programpi string?",
  "programid int",
];

/** Shape and photometry of a detection; which of them an upper limit has as null differs by `required`. */
function detection(required: string): readonly FieldLine[] {
  return [
    `candid long${required}`,
    `isdiffpos string${required}`,
    "tblid long?",
    "nid int?",
    "rcid int?",
    "field int?",
    "xpos float?",
    "ypos float?",
    `ra double${required}`,
    `dec double${required}`,
    `magpsf float${required}`,
    `sigmapsf float${required}`,
    ...floats(
      "chipsf magap sigmagap distnr magnr sigmagnr chinr sharpnr sky magdiff fwhm classtar mindtoedge",
    ),
    ...floats("magfromlim seeratio aimage bimage aimagerat bimagerat elong"),
    "nneg int?",
    "nbad int?",
    ...floats("rb ssdistnr ssmagnr"),
    "ssnamenr string?",
    ...floats("sumrat magapbig sigmagapbig"),
    `ranr double${required}`,
    `decnr double${required}`,
  ];
}

const CANDIDATE: readonly FieldLine[] = [
  ...EXPOSURE,
  ...detection(""),
  ...floats("sgmag1 srmag1 simag1 szmag1 sgscore1 distpsnr1"),
  "ndethist int",
  "ncovhist int",
  "jdstarthist double?",
  "jdendhist double?",
  "scorr double?",
  "tooflag int?",
  "objectidps1 long?",
  "objectidps2 long?",
  ...floats("sgmag2 srmag2 simag2 szmag2 sgscore2 distpsnr2"),
  "objectidps3 long?",
  ...floats("sgmag3 srmag3 simag3 szmag3 sgscore3 distpsnr3"),
  "nmtchps int",
  "rfid long",
  "jdstartref double",
  "jdendref double",
  "nframesref int",
  "rbversion string",
  ...floats("dsnrms ssnrms dsdiff magzpsci magzpsciunc magzpscirms"),
  "nmatches int",
  ...floats("clrcoeff clrcounc zpclrcov zpmed clrmed clrrms"),
  ...floats("neargaia neargaiabright maggaia maggaiabright exptime drb"),
  "drbversion string",
];

const PRV_CANDIDATE: readonly FieldLine[] = [
  ...EXPOSURE,
  ...detection("!"),
  "scorr double?",
  ...CALIBRATION,
  "rbversion string",
];

const FP_HIST: readonly FieldLine[] = [
  "field int?",
  "rcid int?",
  "fid int",
  "pid long",
  "rfid long",
  ...floats("sciinpseeing scibckgnd scisigpix"),
  ...CALIBRATION,
  ...floats("exptime adpctdif1 adpctdif2 diffmaglim"),
  "programid int",
  "jd double",
  "forcediffimflux float?",
  "forcediffimfluxunc float?",
  "procstatus string?",
  "distnr float?",
  "ranr double",
  "decnr double",
  ...floats("magnr sigmagnr chinr sharpnr"),
];

function floats(names: string): FieldLine[] {
  return names.split(" ").map((name) => `${name} float?`);
}

function field(line: FieldLine): object {
  const [name = "", type = ""] = line.split(" ");
  if (type.endsWith("?")) return { name, type: ["null", type.slice(0, -1)], default: null };
  return { name, type: type.endsWith("!") ? ["null", type.slice(0, -1)] : type };
}

function record(name: string, lines: readonly FieldLine[]): object {
  return {
    type: "record",
    name,
    namespace: "ztf.alert",
    version: SCHEMA_VERSION,
    fields: lines.map(field),
  };
}

/** The schema as parsed JSON, nested records in place where they are first used. */
export const ZTF_SCHEMA: object = {
  type: "record",
  name: "ztf.alert",
  version: SCHEMA_VERSION,
  fields: [
    { name: "schemavsn", type: "string" },
    { name: "publisher", type: "string" },
    { name: "objectId", type: "string" },
    { name: "candid", type: "long" },
    { name: "candidate", type: record("candidate", CANDIDATE) },
    { name: "prv_candidates", type: optional(array(record("prv_candidate", PRV_CANDIDATE))), default: null },
    { name: "fp_hists", type: optional(array(record("fp_hist", FP_HIST))), default: null },
    {
      name: "cutoutScience",
      type: optional(record("cutout", ["fileName string", "stampData bytes"])),
      default: null,
    },
    { name: "cutoutTemplate", type: optional("ztf.alert.cutout"), default: null },
    { name: "cutoutDifference", type: optional("ztf.alert.cutout"), default: null },
  ],
};

function optional(type: object | string): readonly unknown[] {
  return ["null", type];
}

function array(items: object): object {
  return { type: "array", items };
}
