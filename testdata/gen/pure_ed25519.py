"""Signs with Ed25519 (RFC 8032) with the standard library alone, so that the oracles run
where no package is installed. It takes no care of side channels: for tests only."""
import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P

def add(a, b):
    """Adds points in extended coordinates (RFC 8032, 5.1.4)."""
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, i, j, k = f - e, h - g, h + g, f + e
    return e * i % P, j * k % P, i * j % P, e * k % P

def powers():
    """The base point times 1, 2, 4 and so on."""
    y = 4 * pow(5, -1, P) % P
    xx = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P: x = x * pow(2, (P - 1) // 4, P) % P
    if x & 1: x = P - x
    points = [(x, y, 1, x * y % P)]
    for _ in range(255): points.append(add(points[-1], points[-1]))
    return points

POWERS = powers()

def times_base(n):
    q, i = (0, 1, 1, 0), 0
    while n:
        if n & 1: q = add(q, POWERS[i])
        n, i = n >> 1, i + 1
    return q

def compress(p):
    z = pow(p[2], -1, P)
    return (p[1] * z % P | (p[0] * z % P & 1) << 255).to_bytes(32, "little")

class Key:
    def __init__(self, seed):
        h = hashlib.sha512(seed).digest()
        self.a, self.prefix = int.from_bytes(h[:32], "little") & (1 << 254) - 8 | 1 << 254, h[32:]
        self.public = compress(times_base(self.a))

    def sign(self, message):
        r = int.from_bytes(hashlib.sha512(self.prefix + message).digest(), "little") % L
        point = compress(times_base(r))
        h = int.from_bytes(hashlib.sha512(point + self.public + message).digest(), "little") % L
        return point + ((r + h * self.a) % L).to_bytes(32, "little")

# RFC 8032, 7.1, test 2: a mistake here must not look like one of the verifier.
_key = Key(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
assert _key.public.hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
assert _key.sign(b"\x72").hex() == ("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                                    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
