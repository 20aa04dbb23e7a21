/** Hash slots of a cluster. */
export const slotCount = 16384;

const table = new Uint16Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  let value = byte << 8;
  for (let bit = 0; bit < 8; bit += 1) value = (value & 0x8000) === 0 ? value << 1 : (value << 1) ^ 0x1021;
  table[byte] = value & 0xffff;
}

/**
 * The hash slot of a key: CRC16 (XMODEM) of its hash tag, or of the whole key without one, modulo 16384.
 * Source: Redis cluster specification, "Key distribution model".
 */
export function slotOf(key: string): number {
  const open = key.indexOf("{");
  const close = open === -1 ? -1 : key.indexOf("}", open + 1);
  const hashed = close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (const byte of Buffer.from(hashed)) crc = ((crc << 8) ^ (table[((crc >> 8) ^ byte) & 0xff] ?? 0)) & 0xffff;
  return crc % slotCount;
}
