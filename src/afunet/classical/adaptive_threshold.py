from __future__ import annotations
from dataclasses import dataclass
import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from afunet.classical.body import find_body, FloatSlice
from afunet.classical.marrow import whole_bones
from afunet.classical.morphology import *
from afunet.preprocessing import BONE_WINDOW

@dataclass(frozen=True)
class AdaptiveThresholdRules:
    initial_hu: float = 250.0
    seed_hu: float = 350.0
    window: float = 0.02
    least_contrast_hu: float = 100.0
    floor_hu: float = 100.0
    updates: int = 5
    gap: float = 0.015
    speck: float = 0.0
    fmax: float=350.
    smooth: float=0.0

def segment(image, rules=AdaptiveThresholdRules()):
    r=rules
    shape=image.shape
    hu=(BONE_WINDOW.low_hu+1600*image).astype(np.float32)
    body=find_body(hu)
    if not body.mask.any(): return np.zeros(image.shape,np.uint8)
    ys,xs=np.where(body.mask); sl=(slice(max(0,ys.min()-2),ys.max()+3),slice(max(0,xs.min()-2),xs.max()+3))
    hu=hu[sl].copy(); body=type(body)(body.mask[sl],body.width_px)
    if r.smooth: hu=sitk.GetArrayFromImage(sitk.DiscreteGaussian(sitk.GetImageFromArray(hu),[r.smooth**2]*2))
    dense=(hu>r.initial_hu)&body.mask
    sigma=max(1.,r.window*body.width_px)
    for _ in range(r.updates):
        t=local(hu,dense,body.mask&~dense,sigma,r)
        new=(hu>t)&body.mask
        if (new==dense).all(): break
        dense=new
    dense=grown(dense&(hu>r.seed_hu),dense)
    out=whole_bones(dense,body.px(r.gap))&body.mask
    if r.speck: out=without_small_pieces(out,(r.speck*body.width_px)**2)
    full=np.zeros(shape,bool); full[sl]=out; out=full
    return out.astype(np.uint8)

def blur(x,s):
    return sitk.GetArrayFromImage(sitk.BoxMean(sitk.GetImageFromArray(np.ascontiguousarray(x,np.float32)),[int(s)]*2))
def local(hu,bone,flesh,sigma,r):
    wb=blur(bone,sigma);wf=blur(flesh,sigma)
    mb=blur(hu*bone,sigma)/np.maximum(wb,1e-6); mf=blur(hu*flesh,sigma)/np.maximum(wf,1e-6)
    ok=(wb>1e-3)&(wf>1e-3)
    t=np.where(ok,(mb+mf)/2,r.initial_hu)
    return np.clip(t,r.floor_hu,r.fmax)
