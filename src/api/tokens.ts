/** JSON web tokens: signed with HS256, never without an expiry, read with that one algorithm only. */
import { errors, jwtVerify, SignJWT } from "jose";

/** What a token says: the user, and the stamp of the password it was made with. */
export interface Claims {
  readonly user_id: string;
  readonly stamp: number;
  readonly created_at: string;
}

/** Signs and checks tokens. */
export interface TokenCodec {
  sign(claims: Claims): Promise<string>;
  /** The claims, or undefined when the token is forged, damaged or expired. */
  verify(token: string): Promise<Claims | undefined>;
}

const ALGORITHM = "HS256";

/** A codec with this key; its tokens are good for `expiryDays`. */
export function tokenCodec(secret: string, expiryDays: number): TokenCodec {
  const key = new TextEncoder().encode(secret);
  return {
    sign: (claims) =>
      new SignJWT({ ...claims })
        .setProtectedHeader({ alg: ALGORITHM, typ: "JWT" })
        .setIssuedAt()
        .setExpirationTime(`${expiryDays}d`)
        .sign(key),
    async verify(token) {
      try {
        const options = { algorithms: [ALGORITHM], requiredClaims: ["exp"] };
        const { user_id, stamp, created_at } = (await jwtVerify(token, key, options)).payload;
        if (typeof user_id !== "string" || typeof stamp !== "number") return undefined;
        return { user_id, stamp, created_at: String(created_at) };
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined;
        throw error;
      }
    },
  };
}
