"""This is the whole paper, Lip Movements Generation at a Glance (ECCV 2018).

Collected from notebooks 02 to 07, where every part is compared with lipkit's, output for output.
To train a small model: python this_is_the_whole_paper.py [STEPS [PREPARED_SET]]
"""

import sys
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional


# Notebook 02: derivative correlation
def grey(video):  # [B, 3, T, H, W] in [-1, 1] -> [B, T, H, W] in [0, 1], as bright as we see it
    red, green, blue = (video + 1).unbind(1)
    return (0.299 * red + 0.587 * green + 0.114 * blue) / 2


def slopes(image):  # [N, 1, H, W] -> I_x and I_y, grey levels per pixel
    smooth, slope = torch.tensor([3.0, 10, 3]) / 16, torch.tensor([-1.0, 0, 1]) / 2
    across = smooth[:, None] * slope
    kernels = torch.stack([across, across.T])[:, None].to(image)
    return functional.conv2d(functional.pad(image, (1, 1, 1, 1), "replicate"), kernels).split(1, 1)


def around(image, sigma):  # [N, C, H, W] -> the mean around each pixel, by a Gaussian window
    reach, C = max(1, round(2.5 * sigma)), image.shape[1]
    w = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2).to(image)
    w = (w / w.sum()).expand(C, 1, 1, -1)
    image = functional.pad(image, (reach,) * 4, "replicate")
    return functional.conv2d(functional.conv2d(image, w, groups=C), w.transpose(2, 3), groups=C)


def lucas_kanade(one, two, d, sigma=2.0, damping=1e-3):  # [N, 1, H, W] twice, flow d [N, 2, H, W]
    I_x, I_y = slopes(one)
    a, b, c = around(torch.cat([I_x * I_x, I_x * I_y, I_y * I_y], 1), sigma).split(1, 1)
    a, c = a + damping, c + damping  # where there is nothing to see, nothing moves
    H, W = one.shape[-2:]
    for _ in range(2):
        x, y = torch.arange(W).to(d) + d[:, 0], torch.arange(H).to(d)[:, None] + d[:, 1]
        places = torch.stack([(2 * x + 1) / W - 1, (2 * y + 1) / H - 1], -1)
        moved = functional.grid_sample(two, places, padding_mode="border", align_corners=False)
        e, f = around(torch.cat([I_x * (one - moved), I_y * (one - moved)], 1), sigma).split(1, 1)
        d = d + torch.cat([c * e - b * f, a * f - b * e], 1) / (a * c - b * b)
    return d


def optical_flow(video):  # F(v): [B, 3, T, 64, 64] -> [B, 2, T-1, 16, 16] in pixels, x then y
    B, _, T, _, _ = video.shape
    frames = functional.avg_pool2d(grey(video), 2)  # [B, T, 32, 32]
    one, two = (part.flatten(0, 1)[:, None] for part in (frames[:, :-1], frames[:, 1:]))
    small = [functional.avg_pool2d(around(image, 0.7), 2) for image in (one, two)]  # 16 x 16
    d = lucas_kanade(*small, torch.zeros_like(small[0]).repeat(1, 2, 1, 1))
    d = 2 * functional.interpolate(d, scale_factor=2, mode="bilinear")
    d = functional.avg_pool2d(2 * lucas_kanade(one, two, d), 2)
    return d.unflatten(0, (B, T - 1)).transpose(1, 2)


# Notebook 03: encoders
def brick(layer):  # A convolution, then batch norm and ReLU: what all the networks are built of
    norm = {4: nn.BatchNorm2d, 5: nn.BatchNorm3d}[layer.weight.dim()]
    return nn.Sequential(layer, norm(layer.out_channels), nn.ReLU())


def conv2d(a, b, kernel=3, stride=1, padding=1):
    return brick(nn.Conv2d(a, b, kernel, stride, padding, bias=False))


class AudioEncoder(nn.Sequential):  # E_s: log-mel s [B, 1, 4T, 128] -> f_s [B, C, T, 16]
    def __init__(self, C=256):
        super().__init__(
            conv2d(1, C // 8),  # [B, C/8, 4T, 128]
            conv2d(C // 8, C // 4, stride=2),  # [B, C/4, 2T, 64]
            conv2d(C // 4, C // 2),  # [B, C/2, 2T, 64]
            conv2d(C // 2, C, stride=2),  # [B, C, T, 32]
            conv2d(C, C, stride=(1, 2)),  # [B, C, T, 16]
        )
        for layer in self:
            nn.init.kaiming_normal_(layer[0].weight)


class IdentityEncoder(nn.Sequential):  # E_p: lip image p_r [B, 3, 64, 64] -> f_p [B, C, 16, 16]
    def __init__(self, C=256):
        super().__init__(
            nn.ReflectionPad2d(3),  # a mirror, where zeros would draw a dark frame
            conv2d(3, C // 4, kernel=7, padding=0),  # [B, C/4, 64, 64]
            conv2d(C // 4, C // 2, stride=2),  # [B, C/2, 32, 32]
            conv2d(C // 2, C, stride=2),  # [B, C, 16, 16]
        )


# Notebook 04: fusion and generator
def conv3d(a, b, kernel=3, stride=1, padding=1):
    return brick(nn.Conv3d(a, b, kernel, stride, padding, bias=False))


class Fusion(nn.Module):  # f_s [B, C, T, F] and f_p [B, C, H, W], where F = H -> [B, C, T, H, W]
    def __init__(self, C=256):
        super().__init__()
        self.compress = conv3d(2 * C, C)

    def forward(self, f_s, f_p):
        f_p = f_p[:, :, None].expand(-1, -1, f_s.shape[2], -1, -1)  # the same in every frame
        f_s = f_s[..., None].expand(-1, -1, -1, -1, f_p.shape[4])  # the same in every column
        return self.compress(torch.cat([f_p, f_s], 1))


class ResidualBlock(nn.Module):
    """[B, C, T, H, W] -> the same; kt is the kernel's length in time, 1 or 3"""

    def __init__(self, C=256, kt=3):
        super().__init__()
        shape = {"kernel": (kt, 3, 3), "padding": (kt // 2, 1, 1)}
        last = conv3d(C, C, **shape)[:2]  # no ReLU before the sum
        self.change = nn.Sequential(conv3d(C, C, **shape), last)

    def forward(self, x):
        return x + self.change(x)


class Decoder(nn.Sequential):  # [B, C, T, 16, 16] -> video [B, 3, T, 64, 64] in [-1, 1]
    def __init__(self, C=256):
        half, more = (1, 2, 2), (0, 1, 1)  # height and width are doubled, time is not
        one = brick(nn.ConvTranspose3d(C, C // 2, 3, half, 1, more, bias=False))
        two = brick(nn.ConvTranspose3d(C // 2, C // 4, 3, half, 1, more, bias=False))
        super().__init__(one, two, nn.Conv3d(C // 4, 3, 7, padding=3), nn.Tanh())


class Generator(nn.Module):
    """p_r [B, 3, 64, 64] and s [B, 1, 4T, 128] -> video [B, 3, T, 64, 64], and f_s"""

    def __init__(self, C=256, blocks=9, kt=3):
        super().__init__()
        self.E_s, self.E_p, self.fusion = AudioEncoder(C), IdentityEncoder(C), Fusion(C)
        self.residual = nn.Sequential(*(ResidualBlock(C, kt) for _ in range(blocks)))
        self.decoder = Decoder(C)

    def forward(self, p_r, s):
        f_s, f_p = self.E_s(s), self.E_p(p_r)
        return self.decoder(self.residual(self.fusion(f_s, f_p))), f_s


class Frames(nn.Module):  # Applies a network of pictures to every frame of a video
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, video):
        pictures = self.network(video.transpose(1, 2).flatten(0, 1))
        return pictures.unflatten(0, (len(video), -1)).transpose(1, 2)


class Mirror(nn.Module):
    """Three more pixels on each side, mirrored; three more frames at each end, repeated"""

    def forward(self, video):
        video = functional.pad(video, (3, 3, 3, 3, 0, 0), "reflect")
        return functional.pad(video, (0, 0, 0, 0, 3, 3), "replicate")


def frame_decoder(C):
    """The decoder, of single pictures"""

    one, two = (nn.ConvTranspose2d(n, n // 2, 3, 2, 1, 1, bias=False) for n in (C, C // 2))
    return nn.Sequential(brick(one), brick(two), nn.Conv2d(C // 4, 3, 7, padding=3), nn.Tanh())


class LipAutoEncoder(nn.Module):
    """Draws lips again, [B, 3, T, 64, 64] -> the same; its encoder is phi"""

    def __init__(self, dimensions=2, C=256):
        super().__init__()
        first, decoder = Frames(IdentityEncoder(C)), Frames(frame_decoder(C))
        if dimensions == 3:
            half = (1, 2, 2)
            inner = conv3d(C // 4, C // 2, stride=half), conv3d(C // 2, C, stride=half)
            first = nn.Sequential(Mirror(), conv3d(3, C // 4, 7, padding=0), *inner)
            decoder = Decoder(C)
        blocks = (ResidualBlock(C, kt=2 * dimensions - 3) for _ in range(6))
        self.encoder, self.decoder = nn.Sequential(first, *blocks), decoder

    def forward(self, video):
        return self.decoder(self.encoder(video))


def perceptual_loss(encoder, generated, real):
    """l_perc: how far apart a frozen encoder finds two videos"""
    with torch.no_grad():
        wanted = encoder(real)
    return (wanted - encoder(generated)).square().mean()


# Notebook 05: correlation loss
class AudioCorrelation(nn.Sequential):
    """phi_s: [B, C, T', 16] -> [B, T', 16]; each brick halves the bands"""

    def __init__(self, C=256):
        widths = pairwise([C, *(max(16, C // n) for n in (2, 4, 8)), 16])
        super().__init__(*(brick(nn.Conv2d(a, b, 3, (1, 2), 1)) for a, b in widths))

    def forward(self, x):
        return super().forward(x)[..., 0].transpose(1, 2)


class VisualCorrelation(nn.Sequential):
    """phi_v: [B, channels, T', size, size] -> [B, T', 16]; each brick halves height and width"""

    def __init__(self, channels=2, size=16):
        widths = pairwise([channels, 4, 8, *[16] * (size.bit_length() - 3)])
        super().__init__(*(brick(nn.Conv3d(a, b, 3, (1, 2, 2), 1)) for a, b in widths))

    def forward(self, x):
        return super().forward(x)[..., 0, 0].transpose(1, 2)


class CorrelationNetworks(nn.Module):
    """f_s [B, C, T, 16] and the flow -> two arrays [B, T-1, 16] that can be compared"""

    def __init__(self, C=256, derivative=True):
        super().__init__()
        self.derivative, self.phi_s = derivative, AudioCorrelation(C)
        self.phi_v = VisualCorrelation() if derivative else VisualCorrelation(3, 64)

    def forward(self, f_s, visual):
        change = f_s[:, :, :-1] - f_s[:, :, 1:] if self.derivative else f_s
        return self.phi_s(change), self.phi_v(visual)


def correlation_loss(s, v):  # l_corr of features [B, T', 16] of the sounds and of the lips
    a, b = s.mean(2), v.mean(2)  # [B, T']
    norms = ((a.square().sum(1) + 1e-6) * (b.square().sum(1) + 1e-6)).sqrt()
    return 1 - ((a * b).sum(1) / norms).mean()


class FlowNetS(nn.Module):
    """Pictures [N, 3, H, W] -> flows in units of 20 pixels, at 1/4, 1/8 ... 1/64 of the size"""

    def __init__(self, width=1.0):
        super().__init__()

        def leaky(layer):
            nn.init.kaiming_normal_(layer.weight, 0.1)
            nn.init.zeros_(layer.bias)
            return nn.Sequential(layer, nn.LeakyReLU(0.1))

        def conv(i, o, kernel=3, stride=1):
            return leaky(nn.Conv2d(i, o, kernel, stride, kernel // 2))

        a, b, c, d, e = (max(4, round(n * width)) for n in (64, 128, 256, 512, 1024))
        self.down = nn.ModuleList([conv(6, a, 7, 2), conv(a, b, 5, 2)])
        for i, o, kernel in ((b, c, 5), (c, d, 3), (d, d, 3), (d, e, 3)):
            self.down.append(nn.Sequential(conv(i, o, kernel, 2), conv(o, o)))
        rises, skips = (d, c, b, a), (d, d, c, b)
        inputs = [e, *(r + k + 2 for r, k in zip(rises, skips, strict=True))]
        self.predict = nn.ModuleList(nn.Conv2d(n, 2, 3, 1, 1, bias=False) for n in inputs)
        self.enlarge = nn.ModuleList(nn.ConvTranspose2d(2, 2, 4, 2, 1, bias=False) for _ in rises)
        self.rise = nn.ModuleList(
            leaky(nn.ConvTranspose2d(n, r, 4, 2, 1)) for n, r in zip(inputs, rises, strict=False)
        )
        for layer in (*self.predict, *self.enlarge):
            nn.init.kaiming_normal_(layer.weight, 0.1)

    def forward(self, one, two):
        x, levels = torch.cat([one, two], 1), []
        for down in self.down:
            x = down(x)
            levels.append(x)
        flows = [self.predict[0](x)]
        for n, skip in enumerate(levels[-2:0:-1]):
            x = torch.cat([skip, self.rise[n](x), self.enlarge[n](flows[-1])], 1)
            flows.append(self.predict[n + 1](x))
        return flows[::-1]


def endpoint_loss(flows, label):  # of five flows against one [N, 2, H, W] in pixels
    total = 0
    for flow, weight in zip(flows, (0.005, 0.01, 0.02, 0.08, 0.32), strict=True):
        wanted = functional.adaptive_avg_pool2d(label / 20, flow.shape[-2:])
        total = total + weight * (flow - wanted).norm(dim=1).mean()
    return total


# Notebook 06: discriminators and gan
def believed(logits):
    return functional.softplus(-logits).mean()  # -log D


def doubted(logits):
    return functional.softplus(logits).mean()  # -log(1 - D)


def discriminator_loss(real, generated, mismatched):
    """l_dis of the logits [B] of the three kinds of pairs"""
    return believed(real) + (doubted(generated) + doubted(mismatched)) / 2


class Discriminator(nn.Module):
    """Video [B, 3, 16, 64, 64], log-mel [B, 1, 64, 128], motion [B, 2, 15, 16, 16] -> logits [B]"""

    def __init__(self, width=1.0, streams="three"):
        super().__init__()
        a, b, c, d, e = (max(4, round(n * width)) for n in (32, 64, 128, 256, 512))
        two, seen = streams == "two", e if streams == "two" else d
        self.audio = nn.Sequential(  # the whole sound becomes d numbers
            *(conv2d(1, a), conv2d(a, b, stride=2), conv2d(b, c), conv2d(c, d, stride=2)),
            *(nn.Flatten(), nn.Linear(d * 16 * 32, d, bias=two)),
            *((nn.ReLU(),) if two else (nn.BatchNorm1d(d), nn.ReLU())),
        )
        self.video = nn.Sequential(  # 16 frames become 8, 4, 2, 1; 64 x 64 become 4 x 4
            *(nn.Conv3d(3, b, 4, 2, 1), nn.ReLU()),
            *(conv3d(b, c, 4, 2), conv3d(c, d, 4, 2), conv3d(d, seen, 4, (1, 2, 2))),
        )
        if not two:
            first = nn.Conv3d(2 if streams == "three" else 3, b, 3, 2, 1)
            flat = conv3d(b, c, 3, (2, 1, 1)), conv3d(c, d, 3, 2), conv3d(d, d, 3, (2, 1, 1))
            self.motion = nn.Sequential(first, nn.ReLU(), *flat)  # 15 steps become 8, 4, 2, 1
        stacked = seen + d + (0 if two else d)
        self.joint = nn.Sequential(conv3d(stacked, e), nn.Conv3d(e, 1, (1, 4, 4)))
        for layer in self.modules():
            if isinstance(layer, (nn.Conv2d, nn.Conv3d, nn.Linear)):
                nn.init.kaiming_normal_(layer.weight)

    def forward(self, video, s, motion=None):
        heard = self.audio(s)[:, :, None, None, None].expand(-1, -1, 1, 4, 4)
        seen = [heard, self.video(video)] + ([] if motion is None else [self.motion(motion)])
        return self.joint(torch.cat(seen, 1)).flatten()


# Notebook 07: training
def pixel_loss(generated, real):  # l_pix
    return (real - generated).abs().mean()


def descend(loss, *optimisers):
    for optimiser in optimisers:
        optimiser.zero_grad()
    loss.backward()
    for optimiser in optimisers:
        optimiser.step()


def train_step(n, adam, batch, weights):  # one step of all networks n
    p_r, s, v = batch["identity"], batch["logmel"], batch["video"]
    v_hat, f_s = n["G"](p_r, s)  # [B, 3, 16, 64, 64]
    flow, flow_hat = optical_flow(v), optical_flow(v_hat)  # [B, 2, 15, 16, 16]
    D, phi = n["D"], n["phi"]

    # First half: D learns, G is only looked at.
    real, fake = D(v, s, flow), D(v_hat.detach(), s, flow_hat.detach())
    dis = discriminator_loss(real, fake, D(v, batch["mismatched"], flow))
    descend(dis, adam["D"])

    # Second half: G, phi_s and phi_v learn, D holds still.
    D.requires_grad_(False)
    heard, seen = phi(f_s, flow)  # [B, 15, 16] each
    with_generated = correlation_loss(heard, phi.phi_v(flow_hat))
    losses = {
        "pix": pixel_loss(v_hat, v),
        "corr": (correlation_loss(heard, seen) + with_generated) / 2,
        "perc": perceptual_loss(n["encoder"].encoder, v_hat, v),
        "gen": believed(D(v_hat, s, flow_hat)),
    }
    loss = sum(weights[name] * value for name, value in losses.items())
    descend(loss, adam["G"], adam["phi"])
    D.requires_grad_(True)
    return {"loss": loss, "dis": dis, **losses}


def build(C=16, blocks=2, rate=1e-3):  # paper: 256, 9, 2e-4
    n = {"G": Generator(C, blocks), "phi": CorrelationNetworks(C), "D": Discriminator(C / 256)}
    n["encoder"] = LipAutoEncoder(2, C)
    return n, {name: torch.optim.Adam(n[name].parameters(), rate, (0.5, 0.999)) for name in n}


def fit(windows, steps=20, drawing=20):  # windows of lipkit.data.windows -> networks, losses
    weights = {"pix": 1, "corr": 0.003, "perc": 0.001, "gen": 0.003}  # paper: 0.5, 1, 1, 1
    torch.manual_seed(0)
    n, adam = build()
    for step in range(1 - drawing, steps + 1):
        batch = windows.batch(torch.randint(len(windows), (4,)).tolist())  # paper: 24
        if step < 1:  # first the encoder learns to draw; then it is frozen
            drawn = n["encoder"](batch["video"])
            descend(functional.mse_loss(drawn, batch["video"]), adam["encoder"])
            continue
        n["encoder"].eval().requires_grad_(False)
        losses = train_step(n, adam, batch, weights)
        print(f"step {step}", *(f"{name} {value.item():.3f}" for name, value in losses.items()))
    return n, losses


if __name__ == "__main__":
    from lipkit.course.lesson import LessonConfig, prepared_set
    from lipkit.data.windows import Windows

    given = dict(enumerate(sys.argv))
    windows = Windows(prepared_set(LessonConfig(prepared=given.get(2, ""))), split=None)
    fit(windows, steps=int(given.get(1, 20)))
